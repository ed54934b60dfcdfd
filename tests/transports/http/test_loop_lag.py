"""The delay of the event loop: the longest of the last minute."""

import pytest

from transports.http.framework.loop_lag import LoopLag

pytestmark = pytest.mark.unit


def test_the_longest_delay_of_a_minute_is_told() -> None:
    lag = LoopLag()
    assert lag.seconds(100.0) == 0.0
    due = lag.tick(100.0)
    assert lag.seconds(due) == 0.0
    due = lag.tick(due + 3.0)
    assert lag.seconds(due) == 3.0
    assert lag.seconds(due + 7.0) == 7.0, "a loop that hangs has not made the call yet"
    for _ in range(119):
        due = lag.tick(due)
    assert lag.seconds(due) == 3.0
    due = lag.tick(due)
    assert lag.seconds(due) == 0.0
