"""``studio audit``: the audit trail on the machine itself, as lines of JSON, whether or not a studio runs.

Nothing is written, and no file is made. The trail is read a page at a time: a slow reader, such as ``less``, would
otherwise keep SQLite from reusing its log for as long.
"""

import argparse
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from actors.audit import AUDIT
from actors.audit_trail.messages import TrailEntry
from actors.audit_trail.selection import Selection, place_of
from studio.claim import CannotStart
from transports.http.api.audit import AuditEntryAnswer
from transports.http.framework.validation import unstructure

_PAGE = 1000
_TIMEOUT = 5.0  # seconds
_LAST = 2**63 - 1


class TrailUnreadable(Exception):
    """The trail cannot be read. The text is one line for the operator."""


def trail_lines(database: Path, given: argparse.Namespace) -> Iterator[str]:
    """The entries with the members of ``GET /api/v1/audit``, oldest first. Raises ``CannotStart``, ``TrailUnreadable``.

    Entries that are added while it reads come last.
    """
    since, before = getattr(given, "from"), given.to
    selection = Selection(
        actor=given.actor,
        action=given.action,
        outcome=given.outcome,
        since=0 if since is None else since.whole_second,
        before=_LAST if before is None else before.whole_second,
        oldest_first=True,
    )
    try:
        with closing(_opened(database)) as connection:
            _check_version(connection, database)
            yield from _lines(connection, selection)
    except sqlite3.Error as fault:
        raise TrailUnreadable(f"{database} cannot be read: {fault}") from fault


def _lines(connection: sqlite3.Connection, selection: Selection) -> Iterator[str]:
    place = None
    while True:
        query = selection.page(_PAGE, place)
        entries = [TrailEntry(**row) for row in connection.execute(query.sql, query.parameters).fetchall()]
        for entry in entries:
            # ASCII alone: a terminal takes some other characters for commands.
            yield json.dumps(unstructure(AuditEntryAnswer.of(entry)), separators=(",", ":"))
        if len(entries) < _PAGE:
            return
        place = place_of(entries[-1])


def _opened(database: Path) -> sqlite3.Connection:
    """Open the file read-only.

    Without a WAL beside it nobody has the file open, and SQLite need not make the files that it shares with others.
    """
    if not database.is_file():
        raise CannotStart(f"JUNJO_SQLITE_PATH: there is no accounts database {database}")
    log = database.with_name(f"{database.name}-wal")
    sharing = "" if log.exists() else "&immutable=1"
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(database))}?mode=ro{sharing}", uri=True, timeout=_TIMEOUT, isolation_level=None
    )
    connection.row_factory = sqlite3.Row
    return connection


def _check_version(connection: sqlite3.Connection, database: Path) -> None:
    known = len(AUDIT.migrations())
    [row] = connection.execute("SELECT max(number) FROM schema_migrations WHERE component = ?", (AUDIT.name,))
    if row[0] != known:
        which = "a newer" if (row[0] or 0) > known else "an earlier"
        advice = "run that one" if (row[0] or 0) > known else "start this one on it once"
        raise TrailUnreadable(f"{database} was written by {which} version of the studio: {advice}")
