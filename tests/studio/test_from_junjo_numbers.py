"""Values in the predecessor's spans that OTLP cannot express."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from studio.transfer.client import StudioClient
from studio.transfer.downloads import export
from studio.transfer.from_junjo import import_from_junjo
from studio.transfer.uploads import import_files
from tests.studio.stage import DAY, KEY, make_accounts, make_spans, recorded_spans, settings
from tests.studio_process import studio_process
from transports.otlp.json_values import MAX_DEPTH

pytestmark = pytest.mark.integration


def nested(depth: int) -> Any:
    value: Any = 5
    for _ in range(depth):
        value = {"k": value}
    return value


async def test_what_was_taken_over_can_be_exported_and_imported(tmp_path: Path) -> None:
    """The predecessor's JSON may say numbers and depths that OTLP does not know: an export would break off at them."""
    numbers = {"n": 2**63, "list": [2**64 - 1, 10**30, -(2**63)], "in": {"map": 2**63}}
    spans = [*recorded_spans()[:3]]
    spans[0] |= {"attributes_json": {"deep": nested(MAX_DEPTH)}}
    spans[1] |= {"attributes_json": {"deep": nested(MAX_DEPTH + 1)}}
    spans[2] |= {"attributes_json": numbers, "events_json": [{"name": "e", "timeUnixNano": 5, "attributes": numbers}]}
    make_spans(tmp_path / "old", spans)
    make_accounts(tmp_path / "old", [], [("k1", KEY, "key", DAY)])
    report = await asyncio.to_thread(import_from_junjo, tmp_path / "old", settings(tmp_path / "data"))
    assert report == "Taken over: 0 users, 1 API keys, 2 spans; 1 were left, because they are malformed"
    async with studio_process(tmp_path / "data") as running:
        client = StudioClient(f"http://127.0.0.1:{running.http_port}", KEY)
        await asyncio.to_thread(export, client, tmp_path / "spans.jsonl", {"format": "jsonl"})
        assert await asyncio.to_thread(import_files, client, [tmp_path / "spans.jsonl"]) == "Sent 2 spans of 1 files"
