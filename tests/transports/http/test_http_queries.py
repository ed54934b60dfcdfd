"""Query parameters of our own routes: only known ones, times in several forms, one trace."""

import io
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import pyarrow.parquet as pq
import pytest

from tests.http_studio import HttpStudio
from tests.spans import START, otlp_request, otlp_span
from transports.http.framework.rules import Fault
from transports.http.wire.moments import moment_in

pytestmark = pytest.mark.integration

OBS = "/api/v1/observability"
EXPORT, SEARCH = f"{OBS}/export", f"{OBS}/search"
TRACE = f"{1:032x}"
ROUTES = [
    ("GET", EXPORT),
    ("GET", SEARCH),
    ("DELETE", f"{OBS}/traces/{TRACE}"),
    ("DELETE", f"{OBS}/services/tests"),
    ("GET", "/api/v1/backup"),
    ("GET", "/health/details"),
    ("GET", f"/llm/replay/{TRACE}/{1:016x}"),
]


async def ready(studio: HttpStudio) -> str:
    """A cookie, and two traces of two spans each, an hour apart."""
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for trace in (1, 0xAB):
        start = START + (trace > 1) * 3600 * 10**9
        spans = [otlp_span(number, trace_id=trace, start=start + number, text="needle") for number in (1, 2)]
        await studio.send_spans(key, otlp_request(*spans).SerializeToString())
    return cookie


async def count(studio: HttpStudio, cookie: str, path: str, query: Mapping[str, str]) -> int:
    """Spans in an answer."""
    more = {"format": "parquet"} if path == EXPORT else {"text": "needle"}
    reply = await studio.call("GET", f"{path}?{urlencode({**query, **more}, quote_via=quote)}", cookie=cookie)
    assert reply.status == 200, reply.body
    return pq.read_table(io.BytesIO(reply.body)).num_rows if path == EXPORT else len(reply.json)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_an_unknown_parameter_is_refused_and_nothing_is_done(studio: HttpStudio, method: str, path: str) -> None:
    cookie = await ready(studio)
    known = "text=a&" if path == SEARCH else ""
    for query, names in (
        ("traceid=1", ["traceid"]),
        ("Trace_ID=1&trace=2&trace=3", ["Trace_ID", "trace", "trace"]),
        ("=", [""]),
        ("%FF%00=%ED%A0%80", ["\ufffd\0"]),
        ("__class__=1&self=2", ["__class__", "self"]),
    ):
        assert (await studio.call(method, f"{path}?{known}{query}")).status == 401
        reply = await studio.call(method, f"{path}?{known}{query}", cookie=cookie)
        assert reply.status == 422
        assert [(item["type"], item["loc"]) for item in reply.json["detail"]] == [
            ("extra_forbidden", ["query", name]) for name in names
        ]
        assert {item["msg"] for item in reply.json["detail"]} == {"Extra inputs are not permitted"}
    assert await count(studio, cookie, EXPORT, {}) == 4


@pytest.mark.security
async def test_a_secret_under_a_name_that_nobody_asked_for_is_not_sent_back(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{EXPORT}?api_key=hunter22&Token=hunter22&x=shown", cookie=cookie)
    assert [item["input"] for item in reply.json["detail"]] == ["***", "***", "shown"]


async def test_faults_of_known_parameters_come_first(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{EXPORT}?x=1&format=xml&from=never", cookie=cookie)
    assert [(item["type"], item["loc"][1]) for item in reply.json["detail"]] == [
        ("time_parsing", "from"),
        ("enum", "format"),
        ("extra_forbidden", "x"),
    ]


async def test_the_contracts_routes_go_on_ignoring_unknown_parameters(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    for path in ("/users", f"{OBS}/services", f"{OBS}/services/x/spans", f"{OBS}/traces/{TRACE}/spans", "/health"):
        assert (await studio.call("GET", f"{path}?x=1", cookie=cookie)).status == 200


@pytest.mark.parametrize("path", [EXPORT, SEARCH])
async def test_one_trace_is_chosen_in_either_case(studio: HttpStudio, path: str) -> None:
    cookie = await ready(studio)
    assert await count(studio, cookie, path, {}) == 4
    for trace, spans in ((TRACE, 2), (f"{0xAB:032X}", 2), (f"{0xAB:032x}", 2), ("f" * 32, 0)):
        assert await count(studio, cookie, path, {"trace_id": trace}) == spans


@pytest.mark.parametrize("path", [EXPORT, SEARCH])
@pytest.mark.parametrize("text", ["", "1", "g" * 32, "0" * 31, "0" * 33, " " + "0" * 32, "\u0660" * 32])
async def test_what_is_no_trace_id_is_refused(studio: HttpStudio, path: str, text: str) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{path}?text=a&trace_id={quote(text)}", cookie=cookie)
    assert reply.status == 422
    [item] = [item for item in reply.json["detail"] if item["type"] != "extra_forbidden"]
    assert (item["type"], item["loc"]) == ("id_pattern", ["query", "trace_id"])


@pytest.mark.parametrize("path", [EXPORT, SEARCH])
async def test_times_bound_both_in_every_form(studio: HttpStudio, path: str) -> None:
    cookie = await ready(studio)  # the first trace at 22:13:20, the second an hour later
    for query, spans in (
        ({"from": "2023-11-14T23:00:00Z"}, 2),
        ({"from": "2023-11-14t23:00:00z"}, 2),
        ({"to": "2023-11-14 23:00:00Z"}, 2),
        ({"from": "2023-11-15T00:00:00+01:00"}, 2),
        ({"from": "2023-11-14T22:13:20.000000002Z"}, 3),  # of two spans of one microsecond
        ({"to": "2023-11-14T22:13:20.000000002Z"}, 1),
        ({"from": "now-1h"}, 0),
        ({"to": "now-7d", "from": "now-520w"}, 4),
        ({"to": "now"}, 4),
    ):
        assert await count(studio, cookie, path, query) == spans, query


async def test_a_search_takes_both_names_of_its_bounds(studio: HttpStudio) -> None:
    cookie = await ready(studio)
    between, late = "2023-11-14T23:00:00Z", "now"
    for query, spans in (
        ({"since": between}, 2),
        ({"until": between}, 2),
        ({"since": between, "from": late}, 0),
        ({"since": "0001-01-01", "from": between}, 2),
        ({"until": between, "to": late}, 2),
        ({"from": between, "until": between}, 0),
    ):
        assert await count(studio, cookie, SEARCH, query) == spans, query


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01t00:00:01.5z", 1_500_000_000),
        ("1970-01-01T00:00:01.123456789Z", 1_123_456_789),
        ("1970-01-01T00:00:01.1234567891234Z", 1_123_456_789),
        ("1970-01-01T01:00:01,000000001+01:00", 1_000_000_001),
        ("1970-01-01T01:00:01 01:00", 1_000_000_000),  # a plus that a form has taken for a space
        ("1970-01-01 00:00:01", 1_000_000_000),
        ("1970-01-02", 86_400_000_000_000),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999999999Z", 2**64 - 1),
        ("now", 10**18),
        ("now-90s", 10**18 - 90 * 10**9),
        ("now-15m", 10**18 - 900 * 10**9),
        ("now-2w", 10**18 - 1_209_600 * 10**9),
        ("now-999999999w", 0),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, nanoseconds: int) -> None:
    assert moment_in(text, lambda: 10**18).unix_nano == nanoseconds


@pytest.mark.unit
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "yesterday",
            "now-",
            "now-1",
            "now-1y",
            "now+1h",
            "now--1h",
            "now-1.5h",
            "now-9999999999s",
            "NOW",
            " now",
        ),
        *("12:00", "2023-13-01", "2023-11-14T25:00:00Z", "1700000000", "2023-11-14T22:00:00.\u0663Z", "9" * 5000),
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(Fault) as fault:
        moment_in(text)
    assert fault.value.type == "time_parsing"
