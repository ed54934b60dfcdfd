"""What a studio's process takes while large answers are made. It grows with the budget, and not with those who ask."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from scripts.load.own_studio import HOST, OwnStudio
from tests.spans import START, otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.security]

MEGABYTE = 1024 * 1024
_API = "/api/v1/observability"
_LARGE = 20 * MEGABYTE
_READERS = 40


def read(studio: OwnStudio, path: str) -> tuple[int, int]:
    """The status, and how many bytes came; none of them are kept."""
    connection = HTTPConnection(HOST, studio.http_port, timeout=300)
    try:
        connection.request("GET", _API + path, headers={"Cookie": studio.cookie})
        response = connection.getresponse()
        size = 0
        while piece := response.read(MEGABYTE):
            size += len(piece)
        return response.status, size
    finally:
        connection.close()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[OwnStudio]:
    """A studio, started anew, with a trace of a dozen large spans and one of many small ones."""
    large = [otlp_span(number, trace_id=1, start=START + number, text="x" * _LARGE) for number in range(1, 13)]
    small = [otlp_span(number, trace_id=2, start=START + number, text="x" * 400) for number in range(1, 40_001)]
    with OwnStudio(tmp_path / "data") as studio:
        key = studio.sign_up()
        for some in (
            *([each] for each in large),
            *(small[begin : begin + 2000] for begin in range(0, len(small), 2000)),
        ):
            body = otlp_request(*some).SerializeToString()
            headers = {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"}
            assert studio.call("POST", "/v1/traces", body, headers).status == 200
        studio.terminate()
    with OwnStudio(tmp_path / "data", JUNJO_MEMORY_MB="256") as studio:
        studio.sign_in()
        # With one answer it has what it keeps from then on; and what it does after a start has begun.
        assert read(studio, f"/traces/{1:032x}/spans/{1:016x}")[0] == 200
        while studio.rest("GET", "/health/details").json["background"]:
            """What it does by itself after a start takes memory of its own."""
        studio.forget_peak()
        yield studio


def test_memory_does_not_grow_with_what_is_asked_for(filled: OwnStudio) -> None:
    before = filled.memory()
    one = f"/traces/{1:032x}/spans/{1:016x}"
    with ThreadPoolExecutor(_READERS) as readers:
        answers = set(readers.map(read, [filled] * _READERS, [one] * _READERS))
    assert (200, max(size for _, size in answers)) in answers
    assert {status for status, _ in answers} <= {200, 503}
    assert read(filled, f"/traces/{1:032x}/spans")[1] > 12 * _LARGE
    assert read(filled, f"/traces/{2:032x}/spans")[1] > 40_000 * 400
    status, size = read(filled, "/services/tests/spans?limit=10000")
    assert (status, size > 9_000 * 400) == (200, True)
    # Of what is decoded there is one at a time, of what is rendered as much as the budget has; 40 of them take 2 GB.
    assert filled.peak_memory() - before < 30 * _LARGE
