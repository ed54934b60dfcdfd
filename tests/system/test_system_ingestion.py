"""Spans pulled from an external ingestion service, by a studio that is killed again and again."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.load.own_studio import OwnStudio
from tests.ingestion_service import IngestionService, serving

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]

_ROWS = 600
_KILLS = 4


def pulling_from(port: int) -> dict[str, str]:
    return {
        "INGESTION_HOST": "127.0.0.1",
        "INGESTION_PORT": str(port),
        "SPAN_BATCH_SIZE": "7",
        "SPAN_POLL_INTERVAL": "1",
    }


def health_until(studio: OwnStudio, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The pull as /health/details shows it, as soon as it is so. The time limit of the test's loop is the bound."""
    while not reached(pull := studio.rest("GET", "/health/details").json["ingestion"]):
        pass
    return dict(pull)


async def in_thread(work: Callable[[], Any]) -> Any:
    async with asyncio.timeout(60):
        return await asyncio.to_thread(work)


@pytest.mark.parametrize("v3", [False, True], ids=["seed", "v3"])
async def test_a_kill_at_any_point_neither_loses_nor_doubles(data_dir: Path, *, v3: bool) -> None:
    service = IngestionService(v3=v3)
    for number in range(1, _ROWS + 1):
        service.add(number, trace_id=number // 5 + 1)
    chance = random.Random(v3)

    async with serving(service) as port:
        for _ in range(_KILLS):
            calls = len(service.asked) + chance.randint(1, 12)
            with await in_thread(lambda: OwnStudio(data_dir, **pulling_from(port))) as studio:
                async with asyncio.timeout(60):
                    await service.until_asked(calls)
                await asyncio.sleep(chance.uniform(0, 0.01))  # so that the kill comes at any point of a pull
                studio.kill()
        with await in_thread(lambda: OwnStudio(data_dir, **pulling_from(port))) as studio:
            await in_thread(studio.sign_up)
            pull = await in_thread(lambda: health_until(studio, lambda _: drained(service)))
            assert (pull["connected"], pull["corrupt"]) == (True, 0)
            stored = await in_thread(lambda: studio.stored("pulled"))
    ids = [span_id for _, span_id in stored]
    assert sorted(ids) == [f"{number:016x}" for number in range(1, _ROWS + 1)]


def drained(service: IngestionService) -> bool:
    """The last row was pulled and its key saved, which the question after it tells."""
    return int.from_bytes(service.asked[-1][0], "big") == len(service.rows)


async def test_health_tells_that_the_service_is_away_and_that_it_came(data_dir: Path) -> None:
    service = IngestionService(v3=True)
    service.add(1)
    async with serving(service) as port:
        pass  # the port is free again
    with await in_thread(lambda: OwnStudio(data_dir, **pulling_from(port))) as studio:
        await in_thread(studio.sign_up)
        away = await in_thread(lambda: health_until(studio, lambda pull: "does not answer" in pull["fault"]))
        assert away["connected"] is False
        async with serving(service, port):
            there = await in_thread(lambda: health_until(studio, lambda pull: pull["stored"] == 1))
        brief = await in_thread(lambda: studio.rest("GET", "/health").json)
    assert there == {"connected": True, "fault": "", "stored": 1, "corrupt": 0, "remaining": 0}
    assert list(brief) == ["status", "version", "app_name"]


async def test_without_a_service_health_says_nothing_of_it(data_dir: Path) -> None:
    with await in_thread(lambda: OwnStudio(data_dir)) as studio:
        await in_thread(studio.sign_up)
        details = await in_thread(lambda: studio.rest("GET", "/health/details").json)
    assert details["ingestion"] is None
