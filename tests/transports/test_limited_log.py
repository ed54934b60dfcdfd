"""Rate-limited log lines: one a second of each kind."""

import logging

import pytest
import structlog
from structlog.testing import capture_logs

from transports import limited_log
from transports.limited_log import RateLimitedLog, RateLimitFilter

pytestmark = [pytest.mark.unit, pytest.mark.security]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(limited_log, "monotonic", lambda: now[0])
    return now


def test_events_of_a_kind_are_counted(clock: list[float]) -> None:
    with capture_logs() as lines:
        log = RateLimitedLog(structlog.get_logger())
        for client in "abc":
            log.warning("refused", client=client)
        log.warning("something else")
        clock[0] += 1
        log.warning("refused", client="d")
    assert [(line["event"], line.get("client"), line["times"]) for line in lines] == [
        ("refused", "a", 1),
        ("something else", None, 1),
        ("refused", "d", 3),
    ]


def test_records_of_a_library_are_counted(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.limited_log")
    logger.addFilter(RateLimitFilter())
    caplog.set_level(logging.INFO)
    for number in range(4):
        logger.info("cancelled: %s", number)
    logger.info("no arguments")
    clock[0] += 1
    logger.info("cancelled: %s", 4)
    logger.info("no arguments")
    assert caplog.messages == ["cancelled: 0", "no arguments", "cancelled: 4 (4 times)", "no arguments"]
