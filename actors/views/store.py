"""The views in SQLite."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nanoid

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, InvalidRequest, NotFound
from actors.principal import Principal, Role
from actors.sqlite import Component, Database
from actors.views.messages import (
    MOST_NAME,
    MOST_OF_OWNER,
    MOST_PARAMETERS,
    DeleteView,
    ListViews,
    Page,
    SaveView,
    View,
    ViewOwner,
)

_VIEWS = Component(name="views", package="actors.views")
_ID_LENGTH = 21
# Views that nobody sees any more.
_FORGET = (
    "DELETE FROM views WHERE shared = 0"
    " AND owner_id IN (SELECT resource_id FROM audit_ended WHERE resource_type = 'user')"
)
_EPOCH = datetime.fromtimestamp(0, UTC)


class ViewStore:
    """Keeps the views. Every change is durable when its method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "ViewStore":
        """Open the SQLite file. Raises as ``Database.open`` does."""
        return cls(await Database.open(path, AUDIT, _VIEWS), clock)

    async def close(self) -> None:
        await self._database.close()

    async def visible(self, request: ListViews) -> tuple[View, ...]:
        """Those that a user sees, by name."""
        page = None if request.page is None else request.page.value
        rows = await self._database.rows(
            "SELECT * FROM views WHERE (owner_id = ?1 OR shared = 1) AND (?2 IS NULL OR page = ?2)"
            " ORDER BY name, position",
            request.by.user_id,
            page,
        )
        return tuple(map(_view, rows))

    async def save(self, request: SaveView) -> View:
        """Add a view, or put it in the place of the one with its name. Raises ``InvalidRequest`` or ``Conflict``."""
        _check(request)
        now = self._clock()
        async with audited(self._database, now) as change:
            await change.rows(_FORGET)
            own = (request.by.user_id, request.page.value, request.name)
            await change.rows("DELETE FROM views WHERE owner_id = ? AND page = ? AND name = ?", *own)
            [row] = await change.rows("SELECT count(*) FROM views WHERE owner_id = ?", request.by.user_id)
            if row[0] >= MOST_OF_OWNER:
                raise Conflict(f"You have {MOST_OF_OWNER} views already: delete one first")
            [row] = await change.rows(
                "INSERT INTO views (id, name, page, parameters, shared, owner_id, owner_email, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
                nanoid.generate(size=_ID_LENGTH),
                request.name,
                request.page.value,
                request.parameters,
                int(request.is_shared),
                request.by.user_id,
                request.by.email,
                (now - _EPOCH) // timedelta(microseconds=1) * 1000,
            )
            view = _view(row)
            await change.record(_entry(Action.CREATE, view, request.by))
        return view

    async def delete(self, request: DeleteView) -> None:
        """Delete a view. Raises ``NotFound``."""
        async with audited(self._database, self._clock()) as change:
            rows = await change.rows(
                "DELETE FROM views WHERE id = ? AND (owner_id = ? OR (shared = 1 AND ?)) RETURNING *",
                request.id,
                request.by.user_id,
                int(request.by.role is Role.ADMIN),
            )
            if not rows:
                raise NotFound("There is no such view")
            await change.record(_entry(Action.DELETE, _view(rows[0]), request.by))


def _check(request: SaveView) -> None:
    if not 0 < len(request.name) <= MOST_NAME or len(request.parameters) > MOST_PARAMETERS:
        raise InvalidRequest(f"Names have 1 to {MOST_NAME} characters, parameters {MOST_PARAMETERS} at most")


def _view(row: sqlite3.Row) -> View:
    return View(
        id=row["id"],
        name=row["name"],
        page=Page(row["page"]),
        parameters=row["parameters"],
        is_shared=bool(row["shared"]),
        owner=ViewOwner(id=row["owner_id"], email=row["owner_email"]),
        created_at=row["created_at"],
    )


def _entry(action: Action, view: View, by: Principal) -> AuditEntry:
    details = {"name": view.name, "page": view.page.value, "shared": str(view.is_shared).lower()}
    return AuditEntry(action=action, resource=Resource.VIEW, resource_id=view.id, by=by, details=details)
