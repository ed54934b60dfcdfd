"""Opens what a power cut has left with the real store, and holds it against what was acknowledged."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import attrs

from actors.audit import AUDIT
from actors.runtime.bus import Bus
from actors.span_store.columns.types import AnyColumn
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.lifetime import Limits, Retention
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.messages import ExportSpans, GetStoreState
from actors.sqlite import Database, DataFileRefused
from scripts.load.cut_load import Said, message, running

_NEW = 10**9  # a request that nobody sent
_SECONDS = 120


async def faults_of(folder: Path, said: Said, before: Path) -> list[str]:
    """Everything that is wrong, a line each. The state as it was is kept in ``before``."""
    shutil.copytree(folder, before)
    try:
        async with asyncio.timeout(_SECONDS), running(folder, Limits(retention=Retention()), interval=5.0) as bus:
            found = await _faults_of_spans(bus, said)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it does not open
        return [f"does not open: {type(fault).__name__}: {str(fault)[:300]}"]
    faults = [*found, *(f"inspection: {line}" for line in inspect(Folders(folder / "duckdb" / "traces.duckdb")))]
    return faults + await _faults_of_accounts(folder / "sqlite" / "junjo.db", said)


async def _faults_of_spans(bus: Bus, said: Said) -> list[str]:
    problems = (await bus.ask(GetStoreState())).problems
    if problems:
        return [f"problem: {problem}" for problem in problems]
    stored = await _stored(bus)
    faults = list(_differences(stored, said))
    await bus.ask(message(_NEW, 1), timeout=_SECONDS)
    later = await _stored(bus)
    kept = {span for span in stored if span[0] not in said.to_delete}  # a deletion that was begun goes on meanwhile
    if (_NEW, 0) not in later or not kept <= later.keys():
        faults.append("a span that came after the cut is not there, or others have gone")
    return faults + [f"problem: {problem}" for problem in (await bus.ask(GetStoreState())).problems]


async def _stored(bus: Bus) -> "Counter[tuple[int, int]]":
    """Request and number of each span, and how often it is there."""
    counted: Counter[tuple[int, int]] = Counter()
    async with bus.stream(ExportSpans()) as parts:
        async for part in parts:
            traces: AnyColumn = part["trace_id"]
            spans: AnyColumn = part["span_id"]
            ids = zip(traces.to_pylist(), spans.to_pylist(), strict=True)
            counted.update((int(trace, 16) - 1, int(span, 16) - 1) for trace, span in ids)
    return counted


@attrs.frozen
class _Expected:
    must: set[tuple[int, int]]
    may: set[tuple[int, int]]


def _expected(said: Said) -> _Expected:
    def spans_of(requests: set[int]) -> set[tuple[int, int]]:
        return {(request, number) for request in requests for number in range(said.sent[request])}

    return _Expected(
        must=spans_of(said.acknowledged - said.to_delete - said.droppable),
        may=spans_of(said.sent.keys() - said.deleted),
    )


def _differences(stored: "Counter[tuple[int, int]]", said: Said) -> list[str]:
    expected = _expected(said)
    found = {
        "acknowledged spans are missing": expected.must - stored.keys(),
        "spans are there twice": {span for span, count in stored.items() if count > 1},
        "spans are there that were deleted, or never sent": stored.keys() - expected.may,
    }
    return [f"{len(spans)} {what}: {sorted(spans)[:3]}" for what, spans in found.items() if spans]


async def _faults_of_accounts(path: Path, said: Said) -> list[str]:
    try:
        database = await Database.open(path, AUDIT)
    except DataFileRefused as fault:
        return [f"accounts: {fault}"]
    try:
        rows = [row[0] for row in await database.rows("SELECT resource_id FROM audit_trail WHERE action = 'read'")]
        [check] = await database.rows("PRAGMA integrity_check")
    finally:
        await database.close()
    missing = set(said.accounts) - set(rows)
    faults = [f"accounts: {len(missing)} acknowledged changes are missing"] if missing else []
    if len(set(rows)) != len(rows):
        faults.append("accounts: a change is there twice")
    return faults + ([] if check[0] == "ok" else [f"accounts: {check[0]}"])
