"""Keys as rows of SQLite."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from actors.key_registry.known import KnownKey
from actors.key_registry.messages import ApiKey, KeyOwner
from actors.principal import Scope

_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


def known_key(row: sqlite3.Row) -> KnownKey:
    """The key in a row of ``api_keys``."""
    used_at = _moment(row["last_used_at"])
    key = ApiKey(
        id=row["id"],
        name=row["name"],
        masked=row["masked"],
        scopes=frozenset(Scope(name) for name in row["scopes"].split()),
        owner=KeyOwner(id=row["owner_id"], email=row["owner_email"]),
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        expires_at=_moment(row["expires_at"]),
    )
    return KnownKey(
        key=key,
        digest=row["digest"],
        used_at=used_at,
        saved_at=used_at,
        replaced_by=row["replaced_by"],
        sealed=row["sealed"],
    )


def microseconds(moment: datetime | None) -> int | None:
    """Microseconds since the Unix epoch, exactly."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def scope_names(scopes: Iterable[Scope]) -> list[str]:
    """The names of scopes in order."""
    return sorted(scope.value for scope in scopes)


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else _EPOCH + stored * _MICROSECOND
