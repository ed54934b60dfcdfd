"""Rows of alerts in SQLite as values, and values as rows and as details of the audit trail."""

import sqlite3
from collections.abc import Mapping

from actors.alerts.messages import (
    Alert,
    AlertChange,
    AlertInterval,
    AlertOwner,
    AlertState,
    Comparison,
    Condition,
    Measure,
)
from actors.alerts.webhook_url import masked
from actors.span_store.asked.stats import Subject


def alert_in(row: sqlite3.Row) -> Alert:
    return Alert(
        id=row["id"],
        name=row["name"],
        condition=Condition(
            q=row["q"],
            of=Subject(row["subject"]),
            measure=Measure(row["measure"]),
            interval=AlertInterval(row["interval"]),
            op=Comparison(row["op"]),
            threshold=row["threshold"],
        ),
        webhook=row["webhook"],
        owner=AlertOwner(id=row["owner_id"], email=row["owner_email"]),
        state=AlertState(row["state"]),
        value=row["value"],
        since=row["since"],
        checked_at=row["checked_at"],
    )


def change_in(row: sqlite3.Row) -> AlertChange:
    return AlertChange(position=row["position"], at=row["at"], state=AlertState(row["state"]), value=row["value"])


def condition_values(condition: Condition) -> tuple[str | float, ...]:
    """The columns q, subject, measure, interval, op and threshold."""
    return (
        condition.q,
        condition.of.value,
        condition.measure.value,
        condition.interval.value,
        condition.op.value,
        condition.threshold,
    )


def details_of(alert: Alert) -> Mapping[str, str]:
    """What the audit trail says of an alert: all of the condition, and of its webhook the server."""
    names = ("q", "of", "measure", "interval", "op", "threshold")
    details = {name: str(value) for name, value in zip(names, condition_values(alert.condition), strict=True)}
    where = {} if alert.webhook is None else {"webhook": masked(alert.webhook)}
    return {"name": alert.name, **details, **where}
