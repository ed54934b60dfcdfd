"""The examples of docs/query.md find in the recordings of real libraries what the document says, wherever spans are."""

import re
from pathlib import Path

import attrs
import pytest

from actors.runtime.bus import Bus
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.messages import IngestSpans, SearchSpans
from actors.span_store.query.expression import EVERYTHING, Expression
from actors.span_store.query.language.fields import FIELDS, PREFIXES
from actors.span_store.query.language.filter_text import expression_of
from actors.span_store.query.language.open_fields import PREFIXES as OPEN_PREFIXES
from tests.actors.span_store.stage import KEPT_RECENT, SEALED_AT_ONCE, all_sealed, state_when, store_in
from tests.source import PROJECT
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.integration

RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"
DOCUMENT = (PROJECT / "docs" / "query.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `([^`]+)` \| [^|]+ \| (\d+) \|$", DOCUMENT, re.MULTILINE)


async def fill(bus: Bus) -> None:
    for path in sorted(RECORDINGS.glob("*.bin")):
        if ".logs" not in path.name:
            await bus.ask(IngestSpans(spans=decode_trace_request(path.read_bytes()).spans, size=1))


async def count(bus: Bus, where: Expression) -> int:
    found, request = 0, SearchSpans(where=where)
    while True:
        page = await bus.ask(request)
        found += len(page.spans)
        if page.next is None:
            return found
        request = attrs.evolve(request, after=page.next)


@pytest.mark.parametrize("limits", [KEPT_RECENT, SEALED_AT_ONCE], ids=["in memory", "sealed"])
async def test_each_example_finds_what_it_says(tmp_path: Path, limits: Limits) -> None:
    assert len(EXAMPLES) >= 30
    async with store_in(tmp_path, limits) as bus:
        await fill(bus)
        if limits is SEALED_AT_ONCE:
            await state_when(bus, all_sealed)
        assert f"How many of the {await count(bus, EVERYTHING)} spans" in DOCUMENT
        found = [(text, str(await count(bus, expression_of(text)))) for text, _ in EXAMPLES]
        assert found == EXAMPLES


def test_the_document_has_all_fields() -> None:
    described = re.findall(r"^\| ((?:`[a-z_.]+` ?)+) \| ([a-z]+) \| ", DOCUMENT, re.MULTILINE)
    names = [(re.findall(r"`([^`]+)`", cell), kind) for cell, kind in described]
    assert names == [([field.name, *field.aliases], field.kind.value) for field in FIELDS]


def test_the_prefixes_are_those_that_filters_take() -> None:
    assert tuple(OPEN_PREFIXES) == PREFIXES
    assert re.findall(r"^\| `([a-z]+)\.[A-Z]+` \|", DOCUMENT, re.MULTILINE) == list(PREFIXES)
