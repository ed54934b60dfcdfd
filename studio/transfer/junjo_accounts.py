"""The accounts file of the studio's predecessor: users with bcrypt hashes, API keys in plain text."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import attrs

from actors.key_registry.messages import ApiKey, KeyOwner
from actors.principal import SYSTEM, Scope
from actors.session.messages import User

T = TypeVar("T")

_USERS = "SELECT id, email, password_hash, is_active, created_at, updated_at FROM users ORDER BY created_at, rowid"
# To SQLite a "key" by itself would be a text where there is no such column.
_KEYS = 'SELECT id, api_keys."key", name, created_at FROM api_keys ORDER BY created_at, rowid'
_OF_SQLITE = ("", "-wal", "-journal")  # files of a database, by the end of their names


@attrs.frozen
class OldUser:
    """A user with the hash of their password."""

    user: User
    password_hash: str = attrs.field(repr=False)


@attrs.frozen
class OldKey:
    """An API key with its secret. Its ``masked`` is empty."""

    key: ApiKey
    secret: str = attrs.field(repr=False)


@attrs.frozen
class OldAccounts:
    """Users and keys in the order of their creation, and the number of malformed rows."""

    users: tuple[OldUser, ...] = ()
    keys: tuple[OldKey, ...] = ()
    malformed: int = 0

    @classmethod
    def read(cls, file: Path) -> "OldAccounts":
        """Read the whole file. Raises ``OSError`` or ``sqlite3.Error``."""
        with _copy_of(file) as connection:
            users = [_if_well_formed(_user, row) for row in connection.execute(_USERS)]
            keys = [_if_well_formed(_key, row) for row in connection.execute(_KEYS)]
        good_users, good_keys = tuple(filter(None, users)), tuple(filter(None, keys))
        return cls(good_users, good_keys, len(users) + len(keys) - len(good_users) - len(good_keys))


@contextmanager
def _copy_of(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the file in a temporary folder: SQLite makes files beside the one that it reads."""
    with TemporaryDirectory(prefix="studio-import-") as folder:
        copy = Path(folder) / "accounts"
        for end in _OF_SQLITE:
            source = file.with_name(file.name + end)
            if source.exists():
                shutil.copyfile(source, f"{copy}{end}")
        with closing(sqlite3.connect(copy)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = lambda text: text.decode(
                errors="replace"
            )  # a row with such a text is odd, not all
            yield connection


def _if_well_formed(make: Callable[[sqlite3.Row], T], row: sqlite3.Row) -> T | None:
    try:
        return make(row)
    except (ValueError, TypeError, OverflowError):  # the last of a day before all days, or after them
        return None


def _user(row: sqlite3.Row) -> OldUser:
    user = User(
        id=_text(row["id"]),
        email=_text(row["email"]),
        is_active=bool(row["is_active"]),
        created_at=_moment(row["created_at"]),
        updated_at=_moment(row["updated_at"]),
    )
    return OldUser(user, _text(row["password_hash"]))


def _key(row: sqlite3.Row) -> OldKey:
    key = ApiKey(
        id=_text(row["id"]),
        name=_text(row["name"]),
        masked="",
        scopes=frozenset((Scope.INGEST, Scope.READ)),
        owner=KeyOwner(id=SYSTEM.user_id, email=SYSTEM.email),
        created_at=_moment(row["created_at"]),
    )
    return OldKey(key, _text(row["key"]))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("no text")
    return value


def _moment(value: object) -> datetime:
    """Parse SQLAlchemy's text in SQLite, which is UTC without an offset."""
    moment = datetime.fromisoformat(_text(value)).replace(microsecond=0)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
