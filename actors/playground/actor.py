"""PlaygroundActor: models, keys of providers, runs and replays."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from actors.clock import Clock, utc_now
from actors.errors import NotFound
from actors.key_registry.messages import KeyRevoked, ScopesWithdrawn
from actors.playground.connections import Connections
from actors.playground.limits import PlaygroundLimits, Shares
from actors.playground.messages import (
    AwaitSignedOut,
    CancelRun,
    FollowRun,
    ForgetProviderKey,
    Generate,
    ListModels,
    ListProviders,
    ProviderState,
    Replay,
    ReplaySpan,
    RunEvent,
    RunResult,
    SetProviderKey,
    StartRun,
    key_user_id,
)
from actors.playground.model_lists import ModelLists
from actors.playground.provider_calls import ProviderCalls
from actors.playground.provider_keys import ProviderKeys, states
from actors.playground.provider_table import OpenProvider, entry_of
from actors.playground.providers.provider import Endpoint, Model
from actors.playground.replay.reading import replay_of
from actors.playground.run_record import RunRecord
from actors.playground.runs import Runs
from actors.playground.sign_outs import SignOuts
from actors.playground.trace_writer import TraceWriter
from actors.principal import Scope
from actors.runtime.actor import Actor, handles, streams, subscribes
from actors.session.messages import SessionsEnded
from actors.span_store.messages import GetSpan

__all__ = ["PlaygroundActor", "PlaygroundLimits"]

_DEFAULT_LIMITS = PlaygroundLimits()
_SDK_ADAPTERS: Mapping[str, OpenProvider] = {}


class _Parts:
    """What the actor consists of while it runs."""

    def __init__(self, actor: "PlaygroundActor", keys: ProviderKeys, adapters: Mapping[str, OpenProvider]) -> None:
        limits = actor.limits
        self.keys = keys
        self.connections = Connections(keys, adapters)
        self.models = ModelLists(self.connections, actor.clock)
        self.traces = TraceWriter(actor.bus)
        self.calls = ProviderCalls(self.connections, self.traces, limits.run_seconds)
        self.shares = Shares(limits)
        self.runs = Runs(self.calls, self.shares, limits)
        self.sign_outs = SignOuts()


class PlaygroundActor(Actor):
    """Calls LLM providers for users.

    ``endpoints`` are the operator's, by provider. Keys that users set are kept in the SQLite file at ``path``, sealed
    with ``cookie_key`` (32 bytes). ``adapters`` replace the providers' own, by provider.
    """

    readers = 512  # they wait for providers; ``PlaygroundLimits`` bounds what one user has
    most_streams = 4096  # one for each run that is followed, and one for each socket
    stream_buffer = 1  # an item holds up to 64 events

    def __init__(
        self,
        path: Path,
        *,
        cookie_key: bytes,
        endpoints: Mapping[str, Endpoint],
        limits: PlaygroundLimits = _DEFAULT_LIMITS,
        adapters: Mapping[str, OpenProvider] = _SDK_ADAPTERS,
        clock: Clock = utc_now,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._path = path
        self._cookie_key = cookie_key
        self._endpoints = endpoints
        self._adapters = adapters
        self._started: _Parts | None = None

    async def start(self) -> None:
        keys = await ProviderKeys.open(self._path, self._endpoints, self._cookie_key, self.clock)
        self._started = _Parts(self, keys, self._adapters)

    async def work(self) -> None:
        await self._parts.traces.work()

    async def stop(self) -> None:
        if self._started is None:
            return
        try:
            await self._started.runs.stop()
            await self._started.connections.close()
            await self._started.traces.flush()
        finally:
            await self._started.keys.close()

    @handles(ListProviders, concurrent=True)
    async def providers(self, _: ListProviders) -> tuple[ProviderState, ...]:
        return states(self._parts.keys)

    @handles(SetProviderKey)
    async def set_provider_key(self, request: SetProviderKey) -> ProviderState:
        entry = entry_of(request.provider)
        await self._parts.keys.set(entry, request.key, request.by)
        self._parts.models.forget(entry)
        return self._parts.keys.state(entry)

    @handles(ForgetProviderKey)
    async def forget_provider_key(self, request: ForgetProviderKey) -> ProviderState:
        entry = entry_of(request.provider)
        await self._parts.keys.forget(entry, request.by)
        self._parts.models.forget(entry)
        return self._parts.keys.state(entry)

    @handles(ListModels, concurrent=True)
    async def models(self, request: ListModels) -> tuple[Model, ...]:
        entry = entry_of(request.provider)
        lists = self._parts.models
        return await (lists.refresh(entry) if request.refresh else lists.models(entry))

    @handles(Generate, concurrent=True)
    async def generate(self, request: Generate) -> RunResult:
        with self._parts.shares.taken(request.by.user_id, request.prompt.size):
            return await self._parts.calls.generate(RunRecord(prompt=request.prompt, by=request.by))

    @handles(StartRun)
    async def start_run(self, request: StartRun) -> None:
        self._parts.sign_outs.check(request.by)
        self._parts.connections.check(entry_of(request.prompt.provider))
        self._parts.runs.start(request.run_id, request.prompt, request.by)

    @streams(FollowRun)
    def follow_run(self, request: FollowRun) -> AsyncGenerator[tuple[RunEvent, ...], None]:
        return self._parts.runs.follow(request.run_id, request.after, request.by)

    @handles(CancelRun)
    async def cancel_run(self, request: CancelRun) -> None:
        self._parts.runs.cancel(request.run_id, request.by)

    @streams(AwaitSignedOut)
    async def await_signed_out(self, request: AwaitSignedOut) -> AsyncGenerator[None, None]:
        await self._parts.sign_outs.wait(request.by)
        yield None

    @subscribes(SessionsEnded)
    async def sessions_ended(self, event: SessionsEnded) -> None:
        self._sign_out(*event.session_ids)

    @subscribes(KeyRevoked)
    async def key_revoked(self, event: KeyRevoked) -> None:
        self._sign_out(key_user_id(event.id))

    @subscribes(ScopesWithdrawn)
    async def scopes_withdrawn(self, event: ScopesWithdrawn) -> None:
        if Scope.PLAY not in event.left:
            self._sign_out(key_user_id(event.id))

    @handles(ReplaySpan, concurrent=True)
    async def replay(self, request: ReplaySpan) -> Replay:
        span = await self.bus.ask(GetSpan(trace_id=request.trace_id, span_id=request.span_id, room=request.room))
        if span is None:
            raise NotFound("Span not found")
        openai = self._endpoints.get("openai")
        return replay_of(span, any_openai_model=openai is not None and openai.base_url is not None)

    def _sign_out(self, *credentials: str) -> None:
        for credential in credentials:
            self._parts.sign_outs.add(credential)
        self._parts.runs.sign_out(self._parts.sign_outs.has_ended)

    @property
    def _parts(self) -> _Parts:
        if self._started is None:
            raise RuntimeError("a message came before start")
        return self._started
