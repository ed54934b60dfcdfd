"""A stop, with sign-ins in work."""

import asyncio
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.principal import UNKNOWN_CLIENT
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.session.actor import SessionActor
from actors.session.messages import CreateFirstUser, SignIn
from tests.actors.session.conftest import COOKIE_KEY, PASSWORD, SECRET

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]


async def test_a_stop_closes_the_file_also_when_sign_ins_outlast_its_grace(path: Path) -> None:
    """Their askers have left, so that no handler is in work, but the attempts are. The file's thread ends with it."""
    before = set(threading.enumerate())
    bus = Bus()
    supervisor = Supervisor(bus, grace=0.1)
    supervisor.add(
        SessionActor, lambda bus: SessionActor.running(bus, path, cookie_key=COOKIE_KEY, session_secret=SECRET)
    )
    await supervisor.start()
    await bus.ask(CreateFirstUser(email="ann@example.com", password=PASSWORD))
    attempt = SignIn(email="ann@example.com", password=PASSWORD, client=UNKNOWN_CLIENT)
    asks = [asyncio.create_task(bus.ask(attempt)) for _ in range(40)]
    for _ in range(20):
        await asyncio.sleep(0)
    for ask in asks:
        ask.cancel()
    await asyncio.gather(*asks, return_exceptions=True)
    with capture_logs():
        await supervisor.stop()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(30)
    assert not [thread for thread in left if thread.is_alive()]
