"""Bodies of messages to webhooks: an alert in JSON as the API has it, and their signature."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from actors.alerts.messages import Alert, AlertState
from actors.alerts.webhook_url import masked

_SECOND = 1_000_000_000  # nanoseconds
_EPOCH = datetime.fromtimestamp(0, UTC)


def body_of(alert: Alert, previous: AlertState, at: int) -> bytes:
    """The body that tells of a change at a Unix nanosecond. ``alert`` is what it was after that."""
    return orjson.dumps({"alert": _alert(alert), "previous": previous.value, "time": _time(at)})


def signature(body: bytes, secret: str, at: int) -> str:
    """The value of ``x-junjo-signature`` for a body that is sent at this Unix second."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _alert(alert: Alert) -> dict[str, Any]:
    condition = alert.condition
    return {
        "id": alert.id,
        "name": alert.name,
        "q": condition.q,
        "of": condition.of.value,
        "measure": condition.measure.value,
        "interval": condition.interval.value,
        "op": condition.op.value,
        "threshold": condition.threshold,
        "webhook": alert.webhook and masked(alert.webhook),
        "owner": {"id": alert.owner.id, "email": alert.owner.email},
        "state": alert.state.value,
        "value": alert.value,
        "since": _time(alert.since),
        "checked_at": None if alert.checked_at is None else _time(alert.checked_at),
    }


def _time(unix_nano: int) -> str:
    seconds, nanoseconds = divmod(unix_nano, _SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
