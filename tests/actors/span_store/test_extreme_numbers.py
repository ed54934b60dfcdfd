"""The largest and least numbers that a sender can write are kept, sealed, found and exported."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.span_store.columns.spans import SpanEvent, SpanLink
from actors.span_store.messages import GetTraceSpans
from tests.actors.span_store.stage import (
    SEALED_AT_ONCE,
    all_sealed,
    healthy,
    ingest,
    names,
    running_store,
    state_when,
)
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.security]

LARGEST: dict[str, Any] = {
    "flags": 2**32 - 1,
    "kind": 2**31 - 1,
    "start": 2**64 - 1,
    "end_time_unix_nano": 2**64 - 1,
    "dropped_attributes_count": 2**32 - 1,
    "dropped_events_count": 2**32 - 1,
    "dropped_links_count": 2**32 - 1,
    "status_code": 2**31 - 1,
    "events": [SpanEvent(2**64 - 1, "e", {"n": 2**63 - 1, "d": 1.7e308}, 2**32 - 1)],
    "links": [SpanLink("ab" * 16, "cd" * 8, "", {"n": -(2**63)}, 2**32 - 1, 2**32 - 1)],
}
LEAST: dict[str, Any] = {"kind": -(2**31), "status_code": -(2**31), "start": 0, "end_time_unix_nano": 0}
TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.reasoning_tokens")


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), str(2**63 - 1), 9.2e18])
async def test_counts_whose_sum_does_not_fit_are_sealed(tmp_path: Path, value: Any) -> None:
    """The index has sums for each trace: one that did not fit kept all spans from being sealed, for good."""
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        counts = dict.fromkeys(TOKENS, value) | {"llm.cost.total": 1.7e308}
        await ingest(bus, *(span(number, attributes=counts) for number in range(1, 4)), span(4, trace_id=2))
        assert healthy(await state_when(bus, all_sealed))
        assert await names(bus) == ["span 1", "span 2", "span 3", "span 4"]


async def test_numbers_at_both_ends_come_back_as_they_were(tmp_path: Path) -> None:
    attributes = {"most": 2**63 - 1, "least": -(2**63), "double": 1.7e308, "small": 5e-324}
    async with running_store(tmp_path / "traces.duckdb", SEALED_AT_ONCE) as bus:
        await ingest(bus, span(1, attributes=attributes, **LARGEST), span(2, **LEAST), span(3))
        before = (await bus.ask(GetTraceSpans(trace_id=f"{1:032x}")))[:]
        assert healthy(await state_when(bus, all_sealed))
        sealed = await bus.ask(GetTraceSpans(trace_id=f"{1:032x}"))
        assert sorted(sealed) == sorted(before)
        [largest] = [each for each in sealed if each.name == "span 1"]
        assert (largest.flags, largest.kind, largest.start_time_unix_nano) == (2**32 - 1, 2**31 - 1, 2**64 - 1)
        assert json.loads(largest.attributes_json) == attributes
