"""The end of a key ends its sockets, runs and exports."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from google.rpc.status_pb2 import Status

from actors.key_registry.messages import HandOverKeys, WithdrawScope
from actors.playground.providers.provider import Endpoint
from actors.principal import SYSTEM, Scope
from tests.actors.stage import HandClock
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.play_socket import PlaySocket, play_socket
from tests.scripted_provider import ScriptedProvider

pytestmark = [pytest.mark.integration, pytest.mark.security]


@attrs.frozen
class Play:
    """A studio whose time a test moves, and a provider that answers when it is told to."""

    studio: HttpStudio
    provider: ScriptedProvider
    clock: HandClock
    cookie: str

    async def key(self, *scopes: str) -> str:
        body = {"name": "x", "scopes": scopes, "expires_at": "now+1h"}
        key: str = (await self.studio.call("POST", "/api/v1/keys", body=body, cookie=self.cookie)).json["key"]
        return key


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    provider, clock = ScriptedProvider(), HandClock()
    clock.now = datetime.now(UTC)
    async with running_http_studio(
        tmp_path,
        http_config(),
        clock=clock,
        endpoints={"openai": Endpoint(key="sk-1")},
        adapters={"openai": provider.open},
    ) as studio:
        yield Play(studio, provider, clock, await studio.set_up())


async def begin_run(socket: PlaySocket, play: Play) -> None:
    await socket.run()
    await socket.until("started")
    await play.provider.asked.wait()


async def test_an_expired_key_ends_its_sockets_and_runs_whoever_meets_it_first(play: Play) -> None:
    key = await play.key("play")
    headers = {"Authorization": f"Bearer {key}"}
    async with play_socket(play.studio, origin=None, headers=headers) as socket:
        await begin_run(socket, play)
        play.clock.move(hours=2)
        assert (await play.studio.call("GET", "/api/v1/observability/services", headers=headers)).status == 401
        assert await socket.close_code() == 4401
    await play.provider.let_go.wait()


async def test_a_frame_finds_out_that_the_key_has_expired(play: Play) -> None:
    async with play_socket(
        play.studio, origin=None, headers={"Authorization": f"Bearer {await play.key('play')}"}
    ) as socket:
        await begin_run(socket, play)
        play.clock.move(hours=2)
        await socket.send(type="resume", run_id="r1", after=0)
        assert await socket.close_code() == 4401
    await play.provider.let_go.wait()


@pytest.mark.parametrize("scopes", [("play",), ("play", "ingest")])
async def test_a_key_that_is_handed_over_plays_no_more(play: Play, scopes: tuple[str, ...]) -> None:
    key = await play.key(*scopes)
    (listed,) = (await play.studio.call("GET", "/api/v1/keys", cookie=play.cookie)).json["keys"]
    async with play_socket(play.studio, origin=None, headers={"Authorization": f"Bearer {key}"}) as socket:
        await begin_run(socket, play)
        await play.studio.bus.ask(HandOverKeys(user_id=listed["owner"]["id"], by=SYSTEM))
        assert await socket.close_code() == 4401
    await play.provider.let_go.wait()


async def test_a_key_that_loses_another_scope_plays_on(play: Play) -> None:
    key = await play.key("play", "read")
    (listed,) = (await play.studio.call("GET", "/api/v1/keys", cookie=play.cookie)).json["keys"]
    withdraw = WithdrawScope(user_id=listed["owner"]["id"], scope=Scope.READ, by=SYSTEM)
    async with play_socket(play.studio, origin=None, headers={"Authorization": f"Bearer {key}"}) as socket:
        await begin_run(socket, play)
        assert len(await play.studio.bus.ask(withdraw)) == 1
        await socket.send(type="cancel", run_id="r1")
        assert (await socket.until("cancelled", "failed", "finished"))[-1]["type"] == "cancelled"
    await play.provider.let_go.wait()


async def test_spans_of_an_expired_key_are_refused_for_good_and_it_is_said_why(play: Play) -> None:
    key = await play.key("ingest")
    assert (await play.studio.send_spans(key, b"")).status == 200
    play.clock.move(hours=2)
    reply = await play.studio.send_spans(key, b"")
    status = Status.FromString(reply.body)
    assert (reply.status, status.code, status.message) == (401, 16, "Unauthorized: This API key has ended")
