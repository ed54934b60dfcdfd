"""The public face of AlertsActor: what somebody wants to be told of, and what became of it."""

from collections.abc import Mapping
from enum import Enum

import attrs

from actors.principal import Principal
from actors.runtime.messages import Request
from actors.span_store.asked.stats import Subject

MOST_NAME = 200  # characters
MOST_FILTER = 4096  # characters
MOST_URL = 2048  # characters
MOST_THRESHOLD = 1e15
MOST_ALERTS = 200
MOST_OF_OWNER = 50
MOST_CHANGES = 1000  # of an alert; the oldest go


class AlertState(Enum):
    """What an alert says."""

    OK = "ok"
    FIRING = "firing"
    NO_DATA = "no_data"  # the value is not known, or was not asked for yet


class Measure(Enum):
    """What is compared. Durations are nanoseconds, costs US dollars."""

    COUNT = "count"
    ERRORS = "errors"
    ERROR_RATE = "error_rate"  # from 0 to 1
    COST_USD = "cost_usd"
    TOKENS_INPUT = "tokens.input"
    TOKENS_OUTPUT = "tokens.output"
    DURATION_P95 = "duration_ns.p95"
    FIRST_TOKEN_P95 = "time_to_first_token_ns.p95"  # noqa: S105 - a measure


class AlertInterval(Enum):
    """How far back an alert looks."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HOUR = "1h"
    QUARTER_DAY = "6h"
    DAY = "1d"


class Comparison(Enum):
    """When an alert fires: while the value is above the threshold, or below it."""

    ABOVE = ">"
    BELOW = "<"


@attrs.frozen(kw_only=True)
class Condition:
    """What is measured of which spans, over what time, and when that is too much or too little."""

    q: str
    of: Subject
    measure: Measure
    interval: AlertInterval
    op: Comparison
    threshold: float


@attrs.frozen(kw_only=True)
class AlertOwner:
    """The user who made an alert, or who took over one whose owner is gone."""

    id: str
    email: str


@attrs.frozen(kw_only=True)
class Alert:
    """An alert and its state. Times are Unix nanoseconds: ``since`` that of the state, ``checked_at`` of the value."""

    id: str
    name: str
    condition: Condition
    webhook: str | None  # URL
    owner: AlertOwner
    state: AlertState
    value: float | None
    since: int
    checked_at: int | None


@attrs.frozen(kw_only=True)
class CreatedAlert:
    """A new alert, and what its messages are signed with, which is told this once."""

    alert: Alert
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AlertChange:
    """A change of an alert's state, at a Unix nanosecond. ``position`` is its place among all changes."""

    position: int
    at: int
    state: AlertState
    value: float | None


@attrs.frozen(kw_only=True)
class AlertChangePage:
    """Changes, latest first, and the position behind which the next page begins (``None`` at the end)."""

    changes: tuple[AlertChange, ...]
    next: int | None


@attrs.frozen(kw_only=True)
class Target:
    """Where changes are sent: a URL, or nowhere."""

    url: str | None


@attrs.frozen(kw_only=True)
class AlertCounts:
    """How many alerts are in which state, and what became of checks and messages since the start."""

    states: Mapping[AlertState, int]
    waiting: int  # messages that are still to be sent
    checks_failed: int
    sent: int
    not_sent: int  # attempts that failed


@attrs.frozen(kw_only=True)
class CreateAlert(Request[CreatedAlert]):
    """Make an alert, which is checked once a minute from then on.

    ``InvalidRequest`` for values beyond the bounds, a filter that is none or a webhook that may not be called;
    ``Conflict`` when there are too many alerts.
    """

    name: str
    condition: Condition
    webhook: str | None
    by: Principal


@attrs.frozen(kw_only=True)
class ListAlerts(Request[tuple[Alert, ...]]):
    """All alerts, the latest first."""


@attrs.frozen(kw_only=True)
class GetAlert(Request[Alert]):
    """One alert. ``NotFound``."""

    id: str


@attrs.frozen(kw_only=True)
class ChangeAlert(Request[Alert]):
    """Change what is given of an alert. One with another condition begins anew, without data.

    ``NotFound``; ``Forbidden`` for a member whose alert it is not; ``InvalidRequest`` as with ``CreateAlert``.
    """

    id: str
    name: str | None = None
    q: str | None = None
    of: Subject | None = None
    measure: Measure | None = None
    interval: AlertInterval | None = None
    op: Comparison | None = None
    threshold: float | None = None
    webhook: Target | None = None
    by: Principal


@attrs.frozen(kw_only=True)
class DeleteAlert(Request[None]):
    """Drop an alert, its history and what is still to be sent. ``NotFound``, ``Forbidden`` as with ``ChangeAlert``."""

    id: str
    by: Principal


@attrs.frozen(kw_only=True)
class ListAlertChanges(Request[AlertChangePage]):
    """Changes of an alert's state, latest first, behind a position. ``NotFound`` when there is no such alert."""

    id: str
    limit: int = 50
    after: int | None = None


@attrs.frozen(kw_only=True)
class CountAlerts(Request[AlertCounts]):
    """Count alerts by state, for ``/metrics``."""
