"""Heat maps over HTTP: what they have, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.transports.http.stage import Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
HEAT_MAP = "/api/v1/observability/heatmap"


async def heat_map(reader: Reader, query: str = "") -> Any:
    reply = await reader.studio.call("GET", f"{HEAT_MAP}?{query}", cookie=reader.cookie)
    assert reply.status == 200, reply.body
    return reply.json


async def test_cells_are_by_column_then_row(reader: Reader) -> None:
    first, slow = made(1), call(2, failed=True)
    slow.end_time_unix_nano = slow.start_time_unix_nano + 2_000_000_000
    await reader.send(first, slow)
    times = "from=2023-11-14T22:13:00Z&to=2023-11-14T22:14:00Z"
    found = await heat_map(reader, f"{times}&columns=2&rows=2")
    assert found == {
        "x": {"from": "2023-11-14T22:13:00.000000000Z", "step_ns": 30_000_000_000, "count": 2},
        "y": {"field": "duration", "edges": [1000, 1414214, 2_000_000_001]},
        "counts": [[1, 1], [0, 0]],
        "errors": [[0, 1], [0, 0]],
    }
    assert (await heat_map(reader, f"{times}&y=cost"))["y"] == {"field": "cost", "edges": []}
    assert (await heat_map(reader, "q=service:nobody"))["x"] == {"from": None, "step_ns": None, "count": 0}


async def test_every_recorded_call_is_in_one_cell(reader: Reader) -> None:
    for path in sorted(RECORDINGS.glob("*.bin"))[:12]:
        if ".logs" not in path.name:
            await reader.send_bytes(path.read_bytes())
    reply = await reader.studio.call("GET", "/api/v1/observability/stats", cookie=reader.cookie)
    total = reply.json["groups"][0]["total"]
    found = await heat_map(reader, "y=cost")
    assert sum(map(sum, found["counts"])) == total["count"] - total["unpriced"] > 0
    durations = await heat_map(reader, "q=status:error")
    assert sum(map(sum, durations["counts"])) == sum(map(sum, durations["errors"])) > 0
    assert (durations["x"]["count"], len(durations["counts"])) == (len(durations["errors"]), durations["x"]["count"])
    assert {len(column) for column in durations["counts"]} == {len(durations["y"]["edges"]) - 1}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("y=colour", [("enum", ["query", "y"])]),
        ("columns=0", [("greater_than_equal", ["query", "columns"])]),
        ("columns=201", [("less_than_equal", ["query", "columns"])]),
        ("rows=101", [("less_than_equal", ["query", "rows"])]),
        ("q=cost:x", [("query_value", ["query", "q", 6])]),
        ("from=yesterday", [("time_parsing", ["query", "from"])]),
        ("column=3", [("extra_forbidden", ["query", "column"])]),
    ],
)
async def test_what_cannot_be_asked_is_refused(reader: Reader, query: str, expected: list[Any]) -> None:
    reply = await reader.studio.call("GET", f"{HEAT_MAP}?{query}", cookie=reader.cookie)
    assert reply.status == 422, reply.body
    assert [(problem["type"], problem["loc"]) for problem in reply.json["detail"]] == expected
