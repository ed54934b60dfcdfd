"""A process that is killed, not stopped."""

import asyncio
import sys
from pathlib import Path

import pytest

from actors.clock import utc_now
from actors.session.messages import ListUsers
from tests.actors.session.conftest import COOKIE_KEY, SECRET, Start
from tests.actors.stage import rows

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

PROJECT = Path(__file__).parents[3]
ANSWER_AND_GO_ON = f"""
import asyncio, pathlib, sys
from actors.principal import UNKNOWN_CLIENT
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.session.actor import SessionActor
from actors.session.messages import CreateFirstUser, CreateUser, SignIn, SignOut

async def main():
    bus = Bus()
    supervisor = Supervisor(bus)
    path = pathlib.Path(sys.argv[1])
    keys = dict(cookie_key={COOKIE_KEY!r}, session_secret={SECRET!r})
    supervisor.add(SessionActor, lambda bus: SessionActor.running(bus, path, **keys))
    await supervisor.start()
    first = await bus.ask(CreateFirstUser(email="ann@example.com", password="password123"))
    out = await bus.ask(SignIn(email="ann@example.com", password="password123", client=UNKNOWN_CLIENT))
    await bus.ask(SignOut(cookie=out.cookie))
    print(first.cookie, out.cookie, file=sys.__stdout__, flush=True)
    for number in range(1_000_000):
        by = first.session.principal
        user = await bus.ask(CreateUser(email=f"user{{number}}@example.com", password="password123", by=by))
        print(user.email, file=sys.__stdout__, flush=True)

sys.stdout = sys.stderr  # for log lines
asyncio.run(main())
"""


async def test_what_was_answered_before_a_kill_is_there_after_it(start: Start, path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ANSWER_AND_GO_ON, str(path), cwd=PROJECT, stdout=-1, stderr=-3
    )
    assert process.stdout is not None
    kept, out = (await process.stdout.readline()).decode().split()
    created = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
    process.kill()  # most probably in the middle of the next creation
    created += (await process.stdout.read()).decode().split()
    await process.wait()
    async with start(clock=utc_now) as accounts:
        assert await accounts.check(kept) is not None
        assert await accounts.check(out) is None
        emails = [user.email for user in await accounts.bus.ask(ListUsers())]
    assert emails[: len(created) + 1] == ["ann@example.com", *created]
    assert len(emails) <= len(created) + 2  # at most the one that was not answered any more
    audited = rows(path, "SELECT count(*) FROM audit_trail WHERE action = 'create'")
    assert audited == [(len(emails),)]
