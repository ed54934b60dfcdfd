"""Live sessions in memory."""

from datetime import timedelta

import attrs
import pytest

from actors.principal import Role
from actors.session.lifetime import SessionLifetime
from actors.session.live import LiveSession, LiveSessions
from actors.session.messages import User
from tests.actors.stage import HandClock

pytestmark = pytest.mark.unit

LIFETIME = SessionLifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def added(live: LiveSessions, clock: HandClock, name: str = "ann", number: int = 0) -> LiveSession:
    now = clock()
    user = User(id=name, email=f"{name}@example.com", is_active=True, created_at=now, updated_at=now)
    session = LiveSession(
        id=f"session of {name}",
        digest=f"{name}{number or ''}".encode(),
        user=user,
        authenticated_at=now,
        last_seen_at=now,
        saved_at=now,
        cookie_sent_at=now,
    )
    live.add(session)
    return session


def test_use_slides_the_idle_end_up_to_the_absolute_one(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    session = added(live, clock)
    began = clock()
    ends = []
    for _ in range(5):
        ends.append(live.use(session, clock()).session.expires_at - began.replace(microsecond=0))
        clock.move(days=6)
        assert not live.has_expired(session, clock()) or clock() - began >= timedelta(days=30)
    assert [end.days for end in ends] == [7, 13, 19, 25, 30]
    assert live.has_expired(session, clock())


def test_a_session_that_is_not_used_ends_after_the_idle_time(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    session = added(live, clock)
    clock.move(days=7, microseconds=-1)
    assert not live.has_expired(session, clock())
    clock.move(microseconds=1)
    assert live.has_expired(session, clock())
    assert live.expired(clock()) == [session]


def test_the_cookie_is_renewed_at_most_once_an_hour_towards_the_same_end(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    session = added(live, clock)
    renewals = []
    for minute in range(0, 180, 10):
        checked = live.use(session, clock())
        assert checked.max_age == 30 * 86_400 - minute * 60
        if checked.renewed:
            renewals.append(minute)
        clock.move(minutes=10)
    assert renewals == [60, 120]


def test_an_answer_holds_for_a_second_but_not_past_the_end_nor_with_a_cookie_to_send(clock: HandClock) -> None:
    live = LiveSessions(SessionLifetime(idle=timedelta(hours=1), absolute=timedelta(hours=1, microseconds=500)))
    session = added(live, clock)
    began = clock()
    assert not clock() < session.answer_holds_until
    answer = live.use(session, clock())
    assert (session.answer, session.answer_holds_until) == (answer, began + timedelta(seconds=1))
    clock.move(minutes=59, seconds=59, microseconds=700_000)
    live.use(session, clock())
    assert session.answer_holds_until == began + timedelta(hours=1, microseconds=500)
    clock.move(microseconds=300_000)
    assert live.use(session, clock()).renewed
    assert not clock() < session.answer_holds_until


def test_only_what_was_used_since_is_unsaved(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    used, _ = added(live, clock, "ann"), added(live, clock, "bob")
    clock.move(seconds=1)
    live.use(used, clock())
    assert live.unsaved() == [used]


def test_a_clock_that_is_set_back_does_not_shorten_a_session(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    session = added(live, clock)
    before = live.public(session).expires_at
    clock.move(days=-3)
    assert live.use(session, clock()).session.expires_at == before


def test_sessions_are_found_by_user_and_removed_once(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    ann, bob = added(live, clock, "ann"), added(live, clock, "bob")
    assert live.of_user("ann") == [ann]
    assert live.remove([ann, ann]) == ("session of ann",)
    assert live.find(ann.digest) is None
    assert live.find(bob.digest) is bob
    assert len(live) == 1


def test_the_next_end_is_the_earliest(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    assert live.next_end() is None
    added(live, clock, "ann")
    first = clock()
    clock.move(days=1)
    added(live, clock, "bob")
    assert live.next_end() == first + LIFETIME.idle


def test_what_is_too_much_was_used_longest_ago(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    sessions = []
    for number in range(5):
        sessions.append(added(live, clock, number=number))
        clock.move(seconds=1)
    added(live, clock, "bob")
    live.use(sessions[0], clock())
    assert live.surplus("ann", 5, []) == []
    assert live.surplus("ann", 3, []) == [sessions[1], sessions[2]]
    assert live.surplus("ann", 3, [sessions[4], sessions[1]]) == []
    assert live.surplus("ann", 0, [sessions[1]]) == [sessions[2], sessions[3], sessions[4], sessions[0]]
    assert live.surplus("mia", 0, []) == []


def test_sessions_go_with_their_users_and_learn_of_their_changes(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    ann, bob = added(live, clock, "ann"), added(live, clock, "bob")
    before = live.use(ann, clock())
    member = attrs.evolve(ann.user, role=Role.MEMBER)
    assert live.take_over({"ann": member, "mia": bob.user}) == ("session of bob",)
    assert live.find(bob.digest) is None
    assert live.of_user("bob") == []
    assert not clock() < ann.answer_holds_until
    assert live.use(ann, clock()).session == attrs.evolve(before.session, user=member)
    live.take_over({"ann": member})
    assert clock() < ann.answer_holds_until  # nothing has changed


def test_sessions_that_are_stored_no_more_are_forgotten(clock: HandClock) -> None:
    live = LiveSessions(LIFETIME)
    added(live, clock, "ann")
    added(live, clock, "bob")
    assert live.remove_all_but({"session of bob", "another"}) == ("session of ann",)
    assert live.of_user("ann") == []
    assert len(live) == 1
