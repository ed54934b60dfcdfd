"""Lists of traces and of spans over HTTP."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.transports.http.stage import Reader

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
OF_CALLS = {"llm_calls", "unpriced", "tokens", "cost_usd", "models"}


async def pages(reader: Reader, path: str, **query: Any) -> list[Any]:
    """All entries of a list, a page at a time."""
    found: list[Any] = []
    after: str | None = None
    while True:
        page = await listed(reader, path, **query, **({} if after is None else {"after": after}))
        found += page[path]
        after = page["next"]
        if after is None:
            return found


async def listed(reader: Reader, path: str, **query: Any) -> Any:
    address = f"/api/v1/observability/{path}?{urlencode(query)}"
    reply = await reader.studio.call("GET", address, cookie=reader.cookie)
    assert reply.status == 200, reply.body
    return reply.json


async def test_each_recorded_trace_is_listed_as_its_own_answer_has_it(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    found = await pages(reader, "traces", limit=7)
    starts = [trace["start_time"] for trace in found]
    assert len(found) > 20
    assert starts == sorted(starts, reverse=True)
    for trace in found:
        whole = (await reader.get_unchecked(trace["trace_id"])).json
        assert without_calls(trace) == without_calls(whole["trace"])


def without_calls(trace: Any) -> Any:
    """Without the sums of model calls."""
    return {name: value for name, value in trace.items() if name not in OF_CALLS} | {
        "root": trace["root"] and trace["root"] | {"counted": None}
    }
