"""Alerts as clients see them."""

from typing import Any, Final

import attrs

from actors.alerts.messages import (
    Alert,
    AlertChange,
    AlertInterval,
    AlertState,
    Comparison,
    CreatedAlert,
    Measure,
)
from actors.alerts.webhook_url import masked
from actors.principal import Principal, Role
from actors.span_store.asked.stats import Subject
from transports.http.framework.route import described
from transports.http.wire.moments import time_text

NAME: Final = "Ada spends more than 50 dollars a day"
FILTER: Final = "user:ada"
WEBHOOK: Final = "https://hooks.example.com/junjo/4711"
SECRET: Final = "whsec_7sYk0c3o1lR9QeUuV2m4xw8bJtN6hZpD5fGaLqXzKiE"  # noqa: S105 - an example
_TIME = "2026-11-30T07:00:00.123Z"
_FORMAT = {"format": "date-time"}
_OWNER = {"id": "Mf8fJLve2y1WBaP5TYC7pv", "email": "ada@example.com"}
ALERT: Final = {
    "id": "Nj-i2zCP0XgMNWwCuw2zs",
    "name": NAME,
    "q": FILTER,
    "of": "calls",
    "measure": "cost_usd",
    "interval": "1d",
    "op": ">",
    "threshold": 50.0,
    "webhook": WEBHOOK,
    "owner": _OWNER,
    "state": "firing",
    "value": 51.25,
    "since": _TIME,
    "checked_at": _TIME,
}
CHANGE: Final = {"time": _TIME, "state": "firing", "value": 51.25}


@attrs.frozen(kw_only=True)
class AlertOwnerAnswer:
    """The user who may change an alert; admins may too."""

    id: str = attrs.field(metadata=described("Id of the user", _OWNER["id"]))
    email: str = attrs.field(metadata=described("E-mail address of the user", _OWNER["email"]))


@attrs.frozen(kw_only=True)
class AlertAnswer:
    """An alert and its state."""

    id: str = attrs.field(metadata=described("Id of the alert", ALERT["id"]))
    name: str = attrs.field(metadata=described("What it is for", NAME))
    q: str = attrs.field(metadata=described("Filter of the spans that are meant", FILTER))
    of: Subject = attrs.field(metadata=described("What is counted", "calls"))
    measure: Measure = attrs.field(metadata=described("What is compared", "cost_usd"))
    interval: AlertInterval = attrs.field(metadata=described("How far back it looks", "1d"))
    op: Comparison = attrs.field(metadata=described("Above or below the threshold", ">"))
    threshold: float = attrs.field(metadata=described("In US dollars, nanoseconds or a number", 50.0))
    webhook: str | None = attrs.field(
        metadata=described("Where changes are sent; without its path for those who may not change it", WEBHOOK)
    )
    owner: AlertOwnerAnswer = attrs.field(metadata=described("Whom it belongs to", _OWNER))
    state: AlertState = attrs.field(metadata=described("What it says", "firing"))
    value: float | None = attrs.field(metadata=described("What was found last; null where it is not known", 51.25))
    since: str = attrs.field(metadata=described("When the state began", _TIME) | _FORMAT)
    checked_at: str | None = attrs.field(
        metadata=described("When it was checked last; null for not yet", _TIME) | _FORMAT
    )

    @classmethod
    def of_alert(cls, alert: Alert, by: Principal) -> "AlertAnswer":
        """The alert, as this user may see it."""
        return cls(**members(alert, shows_webhook=by.role is Role.ADMIN or by.user_id == alert.owner.id))


@attrs.frozen(kw_only=True)
class NewAlertAnswer(AlertAnswer):
    """A new alert, and the secret of its webhook, which is told this once."""

    secret: str = attrs.field(metadata=described("The key of the signatures of its messages", SECRET))

    @classmethod
    def of_created(cls, created: CreatedAlert) -> "NewAlertAnswer":
        return cls(**members(created.alert, shows_webhook=True), secret=created.secret)


@attrs.frozen(kw_only=True)
class AlertsAnswer:
    """All alerts."""

    alerts: list[AlertAnswer] = attrs.field(metadata=described("The alerts, the latest first", [ALERT]))


@attrs.frozen(kw_only=True)
class AlertChangeAnswer:
    """A change of an alert's state."""

    time: str = attrs.field(metadata=described("When it was found", _TIME) | _FORMAT)
    state: AlertState = attrs.field(metadata=described("What the alert said from then on", "firing"))
    value: float | None = attrs.field(metadata=described("What was found; null where it is not known", 51.25))

    @classmethod
    def of(cls, change: AlertChange) -> "AlertChangeAnswer":
        return cls(time=time_text(change.at), state=change.state, value=change.value)


@attrs.frozen(kw_only=True)
class AlertHistoryAnswer:
    """A page of the changes of an alert's state."""

    changes: list[AlertChangeAnswer] = attrs.field(metadata=described("Changes, the latest first", [CHANGE]))
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", "WyI1ZTg4IiwxXQ"))


def members(alert: Alert, *, shows_webhook: bool) -> dict[str, Any]:
    """The members of an alert's answer."""
    url = alert.webhook
    return {
        "id": alert.id,
        "name": alert.name,
        **attrs.asdict(alert.condition),
        "webhook": url if url is None or shows_webhook else masked(url),
        "owner": AlertOwnerAnswer(id=alert.owner.id, email=alert.owner.email),
        "state": alert.state,
        "value": alert.value,
        "since": time_text(alert.since),
        "checked_at": None if alert.checked_at is None else time_text(alert.checked_at),
    }
