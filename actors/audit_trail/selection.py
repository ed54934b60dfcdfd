"""Selection of entries of the trail: SQL that is answered from indexes, however long the trail is.

Ids are found in the index of the filter, which holds the order of the list; only the rows of the page are read. The
index is named, because without statistics SQLite may take the one that has to be sorted.
"""

from collections.abc import Iterator
from typing import Any

import attrs

from actors.audit_trail.messages import AuditPlace, ListAudit, TrailEntry

_LAST = 2**63 - 1
MEMBERS = ", ".join(field.name for field in attrs.fields(TrailEntry))


@attrs.frozen(kw_only=True)
class Query:
    """A statement and its parameters."""

    sql: str
    parameters: tuple[Any, ...]


@attrs.frozen(kw_only=True)
class Selection:
    """Filter and order of entries. Bounds are Unix seconds."""

    actor: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: int = 0
    before: int = _LAST
    oldest_first: bool = False

    @classmethod
    def of(cls, request: ListAudit) -> "Selection":
        return cls(
            actor=request.actor,
            action=request.action,
            outcome=request.outcome and request.outcome.value,
            since=0 if request.since is None else request.since,
            before=_LAST if request.before is None else request.before,
        )

    def page(self, limit: int, after: AuditPlace | None) -> Query:
        """The query of ``limit`` entries behind a position."""
        order = "ORDER BY at, id" if self.oldest_first else "ORDER BY at DESC, id DESC"
        conditions, values = self._conditions(after)
        parts, parameters = [], []
        for index, column, value in self._ways():
            wanted = [f"{column} = ?", *conditions] if column else conditions
            parts.append(
                f"SELECT id FROM (SELECT at, id FROM audit_trail INDEXED BY {index} "  # noqa: S608 - own text
                f"WHERE {' AND '.join(wanted)} {order} LIMIT ?)"
            )
            parameters += [*([value] if column else []), *values, limit]
        ids = " UNION ".join(parts)
        sql = f"SELECT {MEMBERS} FROM audit_trail WHERE id IN ({ids}) {order} LIMIT ?"  # noqa: S608 - own text
        return Query(sql=sql, parameters=(*parameters, limit))

    def _ways(self) -> Iterator[tuple[str, str, str]]:
        """The indexes to search, each with its first column and the value of that."""
        if self.actor is not None:
            yield "audit_trail_user_id", "user_id", self.actor
            yield "audit_trail_user_email", "user_email", self.actor
        elif self.action is not None:
            yield "audit_trail_action", "action", self.action
        elif self.outcome is not None:
            yield "audit_trail_outcome", "outcome", self.outcome
        else:
            yield "audit_trail_at", "", ""

    def _conditions(self, after: AuditPlace | None) -> tuple[list[str], list[Any]]:
        """The conditions and their values.

        A position is a bound itself and replaces the one on its side: SQLite seeks to one only.
        """
        found: list[tuple[str, tuple[Any, ...]]] = []
        if self.action is not None and self.actor is not None:
            found.append(("action = ?", (self.action,)))
        if self.outcome is not None and (self.actor is not None or self.action is not None):
            found.append(("outcome = ?", (self.outcome,)))
        if after is None or not self.oldest_first:
            found.append(("at >= ?", (self.since,)))
        if after is None or self.oldest_first:
            found.append(("at < ?", (self.before,)))
        if after is not None:
            found.append((f"(at, id) {'>' if self.oldest_first else '<'} (?, ?)", (after.at, after.id)))
        return [condition for condition, _ in found], [value for _, values in found for value in values]


def place_of(entry: TrailEntry) -> AuditPlace:
    return AuditPlace(at=entry.at, id=entry.id)
