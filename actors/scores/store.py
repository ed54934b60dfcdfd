"""The scores in SQLite."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import nanoid
import orjson
import pyarrow as pa

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, InvalidRequest, NotFound, StudioError, TooLarge
from actors.principal import Principal
from actors.scores.comparisons import Condition
from actors.scores.messages import (
    MOST_COMMENT,
    MOST_ID,
    MOST_NAME,
    MOST_NUMBER,
    MOST_OF_TRACE,
    MOST_SUMMARIES,
    MOST_SUMMED,
    MOST_TABLED,
    MOST_TEXT,
    AddedScore,
    AddScore,
    DeleteScore,
    Score,
    ScoredBy,
    ScoreSummary,
    Source,
)
from actors.span_store.asked.sql import SCORES
from actors.span_store.columns.types import AnyField
from actors.sqlite import Component, Database, Transaction

_SCORES = Component(name="scores", package="actors.scores")
_ID_LENGTH = 21
_EPOCH = datetime.fromtimestamp(0, UTC)
_SUM_FIELDS: list[AnyField] = [
    pa.field("trace_id", pa.string()),
    pa.field("count", pa.int64()),
    pa.field("total", pa.float64()),
]
_SUMS = pa.schema(_SUM_FIELDS)
_INSERT = """
    INSERT INTO scores
        (id, trace_id, span_id, name, number, text, comment, source, created_at, by_id, by_email, by_key_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SUMMARIES = f"""
    WITH some AS (SELECT trace_id, name, number, text FROM scores WHERE trace_id IN (SELECT value FROM json_each(?))),
    numbers AS (
        SELECT trace_id, name, avg(number) AS number, NULL AS text, count(*) AS scores
        FROM some WHERE number IS NOT NULL GROUP BY trace_id, name
    ),
    texts AS (
        SELECT trace_id, name, NULL, text, sum(count(*)) OVER of_name AS scores,
            row_number() OVER (of_name ORDER BY count(*) DESC, text) AS place
        FROM some WHERE text IS NOT NULL GROUP BY trace_id, name, text
        WINDOW of_name AS (PARTITION BY trace_id, name)
    ),
    both AS (
        SELECT trace_id, name, number, text, scores FROM numbers
        UNION ALL SELECT trace_id, name, NULL, text, scores FROM texts WHERE place = 1
    )
    SELECT trace_id, name, number, text, scores FROM (
        SELECT *, row_number() OVER (PARTITION BY trace_id ORDER BY name, text) AS place FROM both
    )
    WHERE place <= {MOST_SUMMARIES:d} ORDER BY trace_id, place
"""  # noqa: S608 - own number


class ScoreStore:
    """Keeps the scores. Every change is durable when its method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "ScoreStore":
        """Open the SQLite file. Raises as ``Database.open`` does."""
        return cls(await Database.open(path, AUDIT, _SCORES), clock)

    async def close(self) -> None:
        await self._database.close()

    async def add(self, requests: Sequence[AddScore], stored: Collection[str]) -> list[AddedScore | StudioError]:
        """Add scores in one transaction: what became of each. ``stored`` are the traces that there are."""
        created_at = (self._clock() - _EPOCH) // timedelta(microseconds=1) * 1000
        async with self._database.transaction() as transaction:
            return [await _added(transaction, request, stored, created_at) for request in requests]

    async def of_trace(self, trace_id: str) -> tuple[Score, ...]:
        """The scores of a trace, oldest first."""
        rows = await self._database.rows("SELECT * FROM scores WHERE trace_id = ? ORDER BY position", trace_id)
        return tuple(map(_score, rows))

    async def delete(self, request: DeleteScore) -> None:
        """Delete a score. Raises ``NotFound``."""
        async with audited(self._database, self._clock()) as change:
            rows = await change.rows("DELETE FROM scores WHERE id = ? RETURNING *", request.id)
            if not rows:
                raise NotFound("There is no such score")
            await change.record(_deleted(_score(rows[0]), request.by))

    async def summaries(self, trace_ids: Collection[str]) -> Mapping[str, tuple[ScoreSummary, ...]]:
        """The scores of traces by name."""
        rows = await self._database.rows(_SUMMARIES, _array(trace_ids))
        by_trace = groupby(rows, key=lambda row: row["trace_id"])
        return {trace_id: tuple(map(_summary, own)) for trace_id, own in by_trace}

    async def traces_with(self, name: str, condition: Condition, most: int) -> list[str]:
        """Traces of which a score of the name fulfils a condition; so many at most."""
        rows = await self._database.rows(
            f"SELECT DISTINCT trace_id FROM scores WHERE name = ? AND {condition.text} LIMIT ?",  # noqa: S608 - own text
            name,
            *condition.parameters,
            most,
        )
        return [row["trace_id"] for row in rows]

    async def texts(self, name: str, most: int) -> list[str]:
        """The different texts among the scores of a name; so many at most."""
        rows = await self._database.rows(
            "SELECT DISTINCT text FROM scores WHERE name = ? AND text IS NOT NULL LIMIT ?", name, most
        )
        return [row["text"] for row in rows]

    async def sums(self, name: str) -> pa.Table:
        """The numbers among the scores of a name by trace. Raises ``InvalidRequest``."""
        rows = await self._database.rows(
            "SELECT trace_id, count(*), sum(number) FROM scores WHERE name = ? AND number IS NOT NULL"
            " GROUP BY trace_id LIMIT ?",
            name,
            MOST_SUMMED + 1,
        )
        if len(rows) > MOST_SUMMED:
            raise InvalidRequest(f"More than {MOST_SUMMED} traces have scores of this name")
        columns = zip(*rows, strict=True) if rows else ((), (), ())
        return pa.table(dict(zip(_SUMS.names, map(list, columns), strict=True)), schema=_SUMS)

    async def table(self) -> pa.Table:
        """All scores. Raises ``TooLarge``."""
        rows = await self._database.rows(
            "SELECT id, trace_id, span_id, name, number, text, comment, source, created_at, by_email"
            " FROM scores ORDER BY position LIMIT ?",
            MOST_TABLED + 1,
        )
        if len(rows) > MOST_TABLED:
            raise TooLarge(f"There are more than {MOST_TABLED} scores, which SQL cannot look at")
        columns = zip(*rows, strict=True) if rows else [()] * len(SCORES)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCORES, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCORES)

    async def latest(self) -> int:
        """The position of the latest score."""
        [row] = await self._database.rows("SELECT coalesce(max(position), 0) FROM scores")
        return int(row[0])

    async def scored_traces(self, after: str, most: int) -> list[str]:
        """Traces with scores, ascending, behind one."""
        rows = await self._database.rows(
            "SELECT DISTINCT trace_id FROM scores WHERE trace_id > ? ORDER BY trace_id LIMIT ?", after, most
        )
        return [row["trace_id"] for row in rows]

    async def drop(self, trace_ids: Collection[str], up_to: int) -> int:
        """Drop the scores of traces up to a position; how many there were."""
        async with self._database.transaction() as transaction:
            gone = await transaction.rows(
                "DELETE FROM scores WHERE trace_id IN (SELECT value FROM json_each(?)) AND position <= ? RETURNING 1",
                _array(trace_ids),
                up_to,
            )
        return len(gone)


async def _added(
    transaction: Transaction, request: AddScore, stored: Collection[str], created_at: int
) -> AddedScore | StudioError:
    try:
        _check(request)
        _demand_stored(request.trace_id, stored)
        known = await _known(transaction, request)
        return AddedScore(score=known, is_new=False) if known else await _inserted(transaction, request, created_at)
    except (Conflict, InvalidRequest, NotFound) as error:
        return error


def _demand_stored(trace_id: str, stored: Collection[str]) -> None:
    if trace_id not in stored:
        raise NotFound("Trace not found")


async def _known(transaction: Transaction, request: AddScore) -> Score | None:
    """The score with this id. ``Conflict`` when it is one of another trace."""
    rows = await transaction.rows("SELECT * FROM scores WHERE id = ?", request.id) if request.id else []
    if not rows:
        return None
    known = _score(rows[0])
    if known.trace_id != request.trace_id:
        raise Conflict("A score of another trace has this id")
    return known


async def _inserted(transaction: Transaction, request: AddScore, created_at: int) -> AddedScore:
    [(count,)] = await transaction.rows("SELECT count(*) FROM scores WHERE trace_id = ?", request.trace_id)
    if count >= MOST_OF_TRACE:
        raise Conflict(f"The trace has {MOST_OF_TRACE} scores already: delete one first")
    score = _made(request, created_at)
    is_text = isinstance(score.value, str)
    await transaction.rows(
        _INSERT,
        score.id,
        score.trace_id,
        score.span_id,
        score.name,
        None if is_text else score.value,
        score.value if is_text else None,
        score.comment,
        score.source.value,
        score.created_at,
        score.by.id,
        score.by.email,
        score.by.key_id,
    )
    return AddedScore(score=score, is_new=True)


def _made(request: AddScore, created_at: int) -> Score:
    return Score(
        id=request.id or nanoid.generate(size=_ID_LENGTH),
        trace_id=request.trace_id,
        span_id=request.span_id,
        name=request.name,
        value=request.value if isinstance(request.value, str) else float(request.value),
        comment=request.comment,
        source=request.source,
        created_at=created_at,
        by=ScoredBy(id=request.by.user_id, email=request.by.email, key_id=request.by.key_id),
    )


def _score(row: sqlite3.Row) -> Score:
    plain = {name: row[name] for name in ("id", "trace_id", "span_id", "name", "comment", "created_at")}
    by = ScoredBy(id=row["by_id"], email=row["by_email"], key_id=row["by_key_id"])
    return Score(**plain, value=_value(row), source=Source(row["source"]), by=by)


def _value(row: sqlite3.Row) -> float | str:
    value: float | str = row["text"] if row["number"] is None else row["number"]
    return value


def _summary(row: sqlite3.Row) -> ScoreSummary:
    return ScoreSummary(name=row["name"], value=_value(row), count=row["scores"])


def _array(texts: Iterable[str]) -> str:
    """As ``json_each`` takes it: SQLite has a bound for parameters."""
    return orjson.dumps(list(texts)).decode()


def _check(request: AddScore) -> None:
    """One text that SQLite refuses would fail all requests of its transaction."""
    bounds = {"name": MOST_NAME, "comment": MOST_COMMENT, "id": MOST_ID}
    texts = {name: getattr(request, name) for name in bounds}
    given = {name: text for name, text in texts.items() if text is not None}
    if not request.name or any(len(text) > bounds[name] for name, text in given.items()):
        raise InvalidRequest(f"A name has 1 to {MOST_NAME} characters, a comment {MOST_COMMENT}, an id {MOST_ID}")
    if not _is_value(request.value):
        raise InvalidRequest(f"A value is a number to {MOST_NUMBER:g}, or a text of 1 to {MOST_TEXT} characters")
    said = [*given.values(), request.value if isinstance(request.value, str) else ""]
    if any("\ud800" <= character <= "\udfff" for text in said for character in text):
        raise InvalidRequest("Text must be valid Unicode")


def _is_value(value: float | str) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= MOST_TEXT
    return not isinstance(value, bool) and -MOST_NUMBER <= value <= MOST_NUMBER  # of NaN it is not true


def _deleted(score: Score, by: Principal) -> AuditEntry:
    details = {"trace_id": score.trace_id, "name": score.name, "value": str(score.value)}
    return AuditEntry(action=Action.DELETE, resource=Resource.SCORE, resource_id=score.id, by=by, details=details)
