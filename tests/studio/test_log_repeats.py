"""A repeated fault costs one line a second, which counts the repeats."""

import logging
from typing import Any

import pytest
import structlog

from studio.log_repeats import Repeats

pytestmark = pytest.mark.unit


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(repeats: Repeats, event: str, level: str = "warning", **fields: Any) -> dict[str, Any] | None:
    try:
        return dict(repeats.of_structlog(None, level, {"logger": "here", "event": event, **fields}))
    except structlog.DropEvent:
        return None


def test_a_fault_is_logged_once_a_second_with_a_count() -> None:
    repeats = Repeats(time := Time())
    told = []
    for _ in range(50):
        told += [passed(repeats, "odd", request_id="r", path=f"/{n}", timestamp=n, peer=n) for n in range(20)]
        time.now += 0.1
    lines = [each for each in told if each is not None]
    assert len(lines) == 5
    assert sum(line.get("repeated", 0) for line in lines) + len(lines) == 50 * 20 - 20 * 10 + 1
    assert "repeated" not in lines[0]


def test_faults_that_differ_are_all_logged() -> None:
    repeats = Repeats(Time())
    assert passed(repeats, "degraded", problem="the disk is full") is not None
    assert passed(repeats, "degraded", problem="a file is damaged") is not None
    assert passed(repeats, "degraded", problem="the disk is full") is None
    assert passed(repeats, "restored") is not None


def test_an_event_that_is_never_the_same_has_a_bound_too() -> None:
    repeats = Repeats(time := Time())
    told = [passed(repeats, "odd", number=number) for number in range(1000)]
    assert len([each for each in told if each]) == 10
    time.now += 1
    line = passed(repeats, "odd", number=1000)
    assert line is not None
    assert line["repeated"] == 990


def test_what_was_done_is_always_logged() -> None:
    repeats = Repeats(Time())
    assert all(passed(repeats, "spans deleted", "info") for _ in range(100))


def test_libraries_are_bounded_too() -> None:
    repeats = Repeats(time := Time())
    records = [logging.makeLogRecord({"name": "asyncio", "msg": "accept failed", "levelno": 40}) for _ in range(100)]
    assert [repeats.of_library(record) for record in records] == [True] + [False] * 99
    time.now += 1
    again = logging.makeLogRecord({"name": "asyncio", "msg": "accept %s", "args": ("failed",), "levelno": 40})
    assert repeats.of_library(again)
    assert again.__dict__["repeated"] == 99


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats(Time())
    for number in range(10_000):
        passed(repeats, f"event {number}")
    assert len(repeats._seen) <= 256
