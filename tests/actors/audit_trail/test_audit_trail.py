"""The audit trail on a real file: reading and adding."""

import random
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from itertools import product
from pathlib import Path

import attrs
import pytest

from actors.audit import AUDIT, Action, AuditEntry, Outcome, Resource
from actors.audit_trail.messages import AuditPlace, ListAudit, TrailEntry
from actors.audit_trail.selection import Selection, place_of
from actors.audit_trail.trail import AuditTrail
from actors.principal import Client, Principal
from actors.sqlite import Database
from tests.actors.stage import HandClock, rows

pytestmark = pytest.mark.integration

ANN = Principal(user_id="ann", email="ann@example.com", client=Client(address="192.0.2.1", request_id="r1"))
BOB = Principal(user_id="bob", email="bob@example.com", key_id="k1")
COLUMNS = "at, action, resource_type, resource_id, user_email, user_id, details, outcome"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def trail(path: Path, clock: HandClock) -> AsyncIterator[AuditTrail]:
    opened = await AuditTrail.open(path, clock)
    yield opened
    await opened.close()


def entry(by: Principal = ANN, action: Action = Action.READ, outcome: Outcome = Outcome.OK) -> AuditEntry:
    return AuditEntry(
        action=action, resource=Resource.EXPORT, resource_id="e", by=by, outcome=outcome, details={"a": "b"}
    )


def fill(path: Path, made: Iterable[tuple[int, str, str, str]]) -> None:
    """Rows as another actor's transactions would leave them: when, who, what, outcome."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            f"INSERT INTO audit_trail ({COLUMNS}) VALUES (?, ?, 'user', 'x', ? || '@example.com', ?, '{{}}', ?)",
            [(at, action, who, who, outcome) for at, who, action, outcome in made],
        )


async def every_page(trail: AuditTrail, request: ListAudit) -> list[TrailEntry]:
    """All entries, page by page."""
    found: list[TrailEntry] = []
    while True:
        page = await trail.page(request)
        assert len(page.entries) <= request.limit
        found += page.entries
        if page.next is None:
            return found
        request = attrs.evolve(request, after=page.next)


async def test_an_entry_is_read_as_it_was_recorded(trail: AuditTrail, clock: HandClock) -> None:
    await trail.record(entry(by=ANN, outcome=Outcome.REFUSED))
    [read] = (await trail.page(ListAudit())).entries
    assert read == TrailEntry(
        id=1,
        at=int(clock.now.timestamp()),
        action="read",
        resource_type="export",
        resource_id="e",
        user_id="ann",
        user_email="ann@example.com",
        key_id=None,
        address="192.0.2.1",
        request_id="r1",
        outcome="refused",
        details='{"a":"b"}',
    )


async def test_pages_have_what_is_asked_for_newest_first(trail: AuditTrail, path: Path) -> None:
    """Pages of entries at the same second, in every combination of filters, match a plain filter over all entries."""
    chance = random.Random(1)
    whos, actions, outcomes = ("ann", "bob", "eve"), ("create", "delete", "read"), ("ok", "refused", "failed")
    made = [
        (chance.randrange(1000, 1030), chance.choice(whos), chance.choice(actions), chance.choice(outcomes))
        for _ in range(600)
    ]
    fill(path, made)
    everything = await every_page(trail, ListAudit(limit=1000))
    assert [(e.at, e.id) for e in everything] == sorted(((m[0], i) for i, m in enumerate(made, 1)), reverse=True)
    choices = product(
        (None, "bob", "bob@example.com", "nobody"),
        (None, "delete", "dance"),
        (None, Outcome.REFUSED),
        (None, (1010, 1020), (1010, 1011), (1011, 1010)),
    )
    for actor, action, outcome, times in choices:
        since, before = times or (None, None)
        wanted = [
            e
            for e in everything
            if actor in (None, e.user_id, e.user_email)
            and action in (None, e.action)
            and (outcome is None or outcome.value == e.outcome)
            and (times is None or times[0] <= e.at < times[1])
        ]
        request = ListAudit(actor=actor, action=action, outcome=outcome, since=since, before=before, limit=7)
        assert await every_page(trail, request) == wanted


async def test_going_on_neither_repeats_nor_leaves_out_while_entries_come(trail: AuditTrail, clock: HandClock) -> None:
    for _ in range(10):
        await trail.record(entry())
    first = await trail.page(ListAudit(limit=4))
    await trail.record(entry())
    clock.move(hours=1)
    await trail.record(entry())
    rest = await every_page(trail, ListAudit(limit=4, after=first.next))
    assert [each.id for each in (*first.entries, *rest)] == list(range(10, 0, -1))


@pytest.mark.parametrize("at", [-(2**63), 0, 2**63 - 1])
async def test_a_place_that_was_made_up_is_a_place(trail: AuditTrail, at: int) -> None:
    await trail.record(entry())
    page = await trail.page(ListAudit(after=AuditPlace(at=at, id=at)))
    assert len(page.entries) == (at == 2**63 - 1)


QUESTIONS = [
    Selection(actor=actor, action=action, outcome=outcome, since=since, before=before, oldest_first=oldest_first)
    for actor, action, outcome, (since, before), oldest_first in product(
        (None, "a@example.com"), (None, "read"), (None, "ok"), ((0, 2**63 - 1), (5, 9)), (False, True)
    )
]


@pytest.mark.parametrize("after", [None, AuditPlace(at=7, id=7)])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_page_sorts_or_scans_the_trail(
    trail: AuditTrail, path: Path, question: Selection, after: AuditPlace | None
) -> None:
    """The ids come in order out of an index that has all they are chosen by; only rows of the page are read."""
    query = question.page(50, after)
    plan = [step for *_, step in rows(path, f"EXPLAIN QUERY PLAN {query.sql}", *query.parameters)]
    searches = [step for step in plan if "audit_trail_" in step]
    assert len(searches) == (2 if question.actor else 1)
    bound = ">?" if question.oldest_first and after else "?)"
    for step in searches:
        assert step.startswith("SEARCH audit_trail USING COVERING INDEX")
        assert "at>" in step or "at<" in step or "(at,id)" in step, step
        assert bound in step
    assert [step for step in plan if step.startswith("SCAN") and "subquery" not in step.lower()] == []
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") <= 1, "of the rows of the page"


@pytest.mark.security
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_trail SET user_email = 'nobody'",
        "UPDATE OR REPLACE audit_trail SET id = 2 WHERE id = 1",
        "DELETE FROM audit_trail",
        "DELETE FROM audit_trail WHERE id = 1",
        f"INSERT OR REPLACE INTO audit_trail (id, {COLUMNS}) VALUES (1, 1, 'a', 'b', 'c', 'd', 'e', '{{}}', 'ok')",
        f"REPLACE INTO audit_trail (id, {COLUMNS}) VALUES (1, 1, 'a', 'b', 'c', 'd', 'e', '{{}}', 'ok')",
    ],
)
async def test_what_is_in_the_trail_stays_as_it_is(trail: AuditTrail, path: Path, statement: str) -> None:
    await trail.record(entry())
    await trail.record(entry(by=BOB))
    before = rows(path, "SELECT * FROM audit_trail ORDER BY id")
    with pytest.raises(sqlite3.IntegrityError, match="the audit trail is only added to"):
        rows(path, statement)
    assert rows(path, "SELECT * FROM audit_trail ORDER BY id") == before


async def test_long_texts_of_callers_are_cut_off(trail: AuditTrail) -> None:
    long = "x" * 100_000
    await trail.record(
        AuditEntry(
            action=Action.CREATE,
            resource=Resource.API_KEY,
            resource_id=long,
            by=ANN,
            details={"name": long, "scopes": [long, "read"]},
        )
    )
    [read] = (await trail.page(ListAudit())).entries
    assert len(read.details) + len(read.resource_id or "") < 5000
    assert '"read"' in read.details


async def test_a_trail_from_before_gets_its_indexes_and_keeps_who_was_deleted(path: Path) -> None:
    first, second, *_ = AUDIT.migrations()
    with closing(sqlite3.connect(path)) as database, database:
        for migration in (first, second):
            database.executescript(migration.script)
        database.execute(
            "CREATE TABLE schema_migrations (component TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
            "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (component, number)) STRICT"
        )
        database.executemany(
            "INSERT INTO schema_migrations (component, number, name) VALUES ('audit', ?, ?)",
            [(migration.number, migration.name) for migration in (first, second)],
        )
        database.execute(
            f"INSERT INTO audit_trail ({COLUMNS}) VALUES (1, 'delete', 'user', 'u', 'a', 'b', '{{}}', 'ok')"
        )
    opened = await Database.open(path, AUDIT)
    await opened.close()
    assert rows(path, "SELECT * FROM audit_ended") == [("user", "u")]
    newest = TrailEntry(
        id=1, at=1, action="delete", resource_type="user", resource_id="u", user_id="b", user_email="a", key_id=None,
        address=None, request_id=None, outcome="ok", details="{}",
    )  # fmt: skip
    assert place_of(newest) == AuditPlace(at=1, id=1)
