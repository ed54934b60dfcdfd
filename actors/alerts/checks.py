"""Checks: what an alert's condition is compared with, and the state that follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from actors.alerts.messages import Alert, AlertInterval, AlertState, Comparison, Condition, Measure
from actors.span_store.asked.stats import Measures, Subject
from actors.span_store.traces.summary import Tokens

_SECOND = 1_000_000_000  # nanoseconds
_NANOSECONDS: Final[Mapping[AlertInterval, int]] = {
    AlertInterval.MINUTE: 60 * _SECOND,
    AlertInterval.FIVE_MINUTES: 300 * _SECOND,
    AlertInterval.QUARTER: 900 * _SECOND,
    AlertInterval.HOUR: 3600 * _SECOND,
    AlertInterval.QUARTER_DAY: 21_600 * _SECOND,
    AlertInterval.DAY: 86_400 * _SECOND,
}
_NO_TOKENS = Tokens(input=None, output=None, cache_read=None, cache_write=None, reasoning=None)
_P95_OF_FOUR, _P95_OF_TWO = 2, 1
_VALUES: Final[Mapping[Measure, Callable[[Measures], float | None]]] = {
    Measure.COUNT: lambda found: found.count,
    Measure.ERRORS: lambda found: found.errors,
    Measure.ERROR_RATE: lambda found: found.errors / found.count if found.count else None,
    Measure.COST_USD: lambda found: found.cost_usd,
    Measure.TOKENS_INPUT: lambda found: (found.tokens or _NO_TOKENS).input,
    Measure.TOKENS_OUTPUT: lambda found: (found.tokens or _NO_TOKENS).output,
    Measure.DURATION_P95: lambda found: None if found.durations is None else found.durations[_P95_OF_FOUR],
    Measure.FIRST_TOKEN_P95: lambda found: None if found.first_tokens is None else found.first_tokens[_P95_OF_TWO],
}


@attrs.frozen
class Watched:
    """An alert as it is to be checked. A check counts only while the condition has this revision."""

    alert: Alert
    revision: int


@attrs.frozen
class Question:
    """What is asked of the spans. Alerts that differ in what they compare share it."""

    q: str
    of: Subject
    interval: AlertInterval

    @classmethod
    def of_condition(cls, condition: Condition) -> "Question":
        return cls(condition.q, condition.of, condition.interval)

    @property
    def nanoseconds(self) -> int:
        return _NANOSECONDS[self.interval]


@attrs.frozen(kw_only=True)
class Check:
    """What was found for an alert at a Unix nanosecond."""

    watched: Watched
    state: AlertState
    value: float | None
    at: int

    @property
    def is_change(self) -> bool:
        return self.state is not self.watched.alert.state


def check_of(watched: Watched, found: Measures, at: int) -> Check:
    """Compare what was found with the condition."""
    condition = watched.alert.condition
    value = _VALUES[condition.measure](found)
    return Check(watched=watched, state=_state(condition, value), value=value, at=at)


def by_question(watched: Sequence[Watched]) -> Mapping[Question, list[Watched]]:
    """The alerts by what they ask, in order."""
    found: dict[Question, list[Watched]] = {}
    for each in watched:
        found.setdefault(Question.of_condition(each.alert.condition), []).append(each)
    return found


def _state(condition: Condition, value: float | None) -> AlertState:
    if value is None:
        return AlertState.NO_DATA
    is_above = condition.op is Comparison.ABOVE
    fires = value > condition.threshold if is_above else value < condition.threshold
    return AlertState.FIRING if fires else AlertState.OK
