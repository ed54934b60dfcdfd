"""Entries of the audit trail. An entry never holds a secret or a part of one.

Actions and resources follow the product's contract.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

import attrs

from actors.principal import Principal


class Action(Enum):
    """An audited action."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    SIGN_IN = "auth_sign_in"
    SIGN_IN_FAILED = "auth_sign_in_failed"
    SIGN_OUT = "auth_sign_out"


class Resource(Enum):
    """The kind of resource of an action."""

    USER = "user"
    SESSION = "session"
    API_KEY = "api_key"
    PROVIDER_KEY = "provider_key"
    TRACE = "trace"
    SERVICE = "service"
    BACKUP = "backup"
    PRICE = "price"
    SCORE = "score"
    ALERT = "alert"
    VIEW = "view"
    EXPORT = "export"
    AUDIT_TRAIL = "audit_trail"
    RETENTION = "retention"
    SETTINGS = "settings"  # of the whole studio
    ROUTE = "route"  # that is none of these


class Outcome(Enum):
    """The outcome of an action."""

    OK = "ok"
    REFUSED = "refused"  # the caller may not do it, or not now
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class AuditEntry:
    """One entry. ``details`` holds plain values only."""

    action: Action
    resource: Resource
    resource_id: str | None
    by: Principal
    outcome: Outcome = Outcome.OK
    details: Mapping[str, str | Sequence[str]] = attrs.field(factory=dict)
