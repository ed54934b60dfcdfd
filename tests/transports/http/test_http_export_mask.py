"""Downloads that are masked on their way out."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from actors.span_store.columns.logs import Logs
from actors.span_store.columns.spans import SpanEvent
from actors.span_store.messages import IngestSpans
from tests.http_studio import HttpStudio
from tests.spans import log, span

pytestmark = [pytest.mark.integration, pytest.mark.security]

EXPORT = "/api/v1/observability/export"
SECRETS = ("anna@example.org", "ORD-778899", "hunter2-of-anna")
RULES = json.dumps(
    ["email", {"name": "order", "values": "ORD-[0-9]{6}"}, {"name": "password", "keys": "(?i)^password$"}]
)
SAID = f"a sentence that is kept: {SECRETS[0]}, {SECRETS[1]}"


async def filled(studio: HttpStudio) -> str:
    """A span with secrets in each of its parts, one without any, and a log record; the cookie of an admin."""
    holder: Mapping[str, Any] = {"said": SAID, "Password": {"is": SECRETS[2]}, "json": json.dumps({"a": SAID})}
    full = span(1, name=SAID, attributes=holder, events=[SpanEvent(1, SAID, holder)], status_message=SAID)
    await studio.bus.ask(IngestSpans(spans=[full, span(2)], size=1))
    await studio.bus.ask(IngestSpans(spans=Logs([log(1, body=holder, attributes=holder)]), size=1))
    return await studio.set_up()


async def exported(studio: HttpStudio, cookie: str, query: str) -> bytes:
    reply = await studio.call("GET", f"{EXPORT}?{query}", cookie=cookie)
    assert reply.status == 200, reply.body
    return reply.body


@pytest.mark.parametrize("query", ["format=jsonl", "format=csv", "format=csv&what=logs", "", "what=logs"])
async def test_no_format_has_what_is_masked_and_all_say_so(studio: HttpStudio, query: str) -> None:
    cookie = await filled(studio)
    text = readable(await exported(studio, cookie, f"{query}&mask={quote(RULES)}"), query)
    assert not [secret for secret in SECRETS if secret in text]
    for kept in ("a sentence that is kept", "[email]", "[order]", "[password]", "junjo.masked"):
        assert kept in text
    plain = readable(await exported(studio, cookie, query), query)
    assert all(secret in plain for secret in SECRETS), "what is stored stays as it is"
    assert "junjo.masked" not in plain


def readable(body: bytes, query: str) -> str:
    if "format" in query:
        return body.decode()
    return str(pq.read_table(io.BytesIO(body)).to_pylist())


async def test_ids_and_what_has_nothing_in_it_stay(studio: HttpStudio) -> None:
    cookie = await filled(studio)
    masked, plain = [
        list(csv.DictReader(io.StringIO((await exported(studio, cookie, f"format=csv{mask}")).decode())))
        for mask in ("&mask=all", "")
    ]
    assert [row["span_id"] for row in masked] == [row["span_id"] for row in plain]
    assert masked[1] == plain[1]
    assert masked[0] != plain[0]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        ("", "Input must name a pattern"),
        (",", "Input must name a pattern"),
        ("[]", "Input must name a pattern"),
        ("email,nobody", "'nobody' is none of them"),
        ('[{"name": "own", "values": "("}]', "In this input the expression 'own' cannot be used: "),
        ('[{"name": "own", "values": "a*"}]', "it matches where nothing is"),
        ('[{"name": "own", "values": "(?=a)"}]', "the expression 'own' cannot be used: "),
        (json.dumps([{"name": "own", "values": "a"}] * 5), "must have at most 4 expressions of its own, not 5"),
        ("[" * 2000, "Input must be a comma list of names or a JSON array"),
        ("[5]", "Input must have names and objects"),
        ('["\\ud800"]', "is none of them"),
        ("x" * 2001, "String should have at most 2000 characters"),
    ],
)
async def test_a_mask_that_cannot_be_used_is_refused_by_its_name(studio: HttpStudio, mask: str, reason: str) -> None:
    cookie = await filled(studio)
    reply = await studio.call("GET", f"{EXPORT}?format=csv&mask={quote(mask)}", cookie=cookie)
    assert reply.status == 422
    [problem] = reply.json["detail"]
    assert problem["loc"] == ["query", "mask"]
    assert reason in problem["msg"]


async def test_the_audit_trail_says_which_patterns_and_not_what_they_look_for(studio: HttpStudio) -> None:
    cookie = await filled(studio)
    await exported(studio, cookie, f"format=csv&mask={quote(RULES)}")
    entries = (await studio.call("GET", "/api/v1/audit?action=read", cookie=cookie)).json["entries"]
    [details] = [entry["details"] for entry in entries if "mask" in entry["details"]]
    assert details == {"format": "csv", "mask": ["email", "order", "password"]}
