"""Rows of the account tables as values."""

import sqlite3
from datetime import UTC, datetime

from actors.principal import Role
from actors.session.messages import User


def instant(seconds: int) -> datetime:
    """Convert Unix seconds, as the database has them, to a time."""
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
