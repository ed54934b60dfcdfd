"""What rows of the account tables mean."""

import sqlite3
from datetime import UTC, datetime

from actors.principal import Role
from actors.session.messages import User


def instant(seconds: int) -> datetime:
    """The database keeps times in Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def user_in(row: sqlite3.Row) -> User:
    """The user in a row that has the columns of ``users``."""
    return User(
        id=row["id"],
        email=row["email"],
        is_active=bool(row["is_active"]),
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        role=Role(row["role"]),
    )
