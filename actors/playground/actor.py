"""PlaygroundActor: models, keys of providers, runs and replays."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

from actors.clock import Clock, utc_now
from actors.errors import NeedsRoom, NotFound, Refused
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
from actors.playground.trace_writer import TraceWriter
from actors.principal import Scope
from actors.runtime.actor import Actor, ActorBus, handles, streams, subscribes
from actors.runtime.closing import on_exit
from actors.runtime.lane import Lane
from actors.session.messages import SessionsEnded
from actors.sign_outs import SignOuts
from actors.span_store.columns.logs import StoredLog, log_detail
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import MOST_LOG_BYTES, GetSpan, GetSpanLogs

__all__ = ["PlaygroundActor", "PlaygroundLimits"]

_DEFAULT_LIMITS = PlaygroundLimits()
_SDK_ADAPTERS: Mapping[str, OpenProvider] = {}


class PlaygroundActor(Actor):
    """Calls LLM providers for users, with keys that a user has set or else those of the operator."""

    # Many, because they wait for providers. ``PlaygroundLimits`` bounds what one user has.
    lanes: ClassVar[Mapping[str, Lane]] = {"reads": Lane(at_once=512)}
    most_streams = 4096  # one for each run that is followed, and one for each socket
    stream_buffer = 1  # an item holds up to 64 events

    def __init__(
        self,
        bus: ActorBus,
        keys: ProviderKeys,
        *,
        endpoints: Mapping[str, Endpoint],
        limits: PlaygroundLimits,
        adapters: Mapping[str, OpenProvider],
        clock: Clock,
        masking: Masking | None = None,
    ) -> None:
        super().__init__(bus)
        self._keys = keys
        self._endpoints = endpoints
        self._connections = Connections(keys, adapters)
        self._models = ModelLists(self._connections, clock)
        self._traces = TraceWriter(bus, masking)
        self._calls = ProviderCalls(self._connections, self._traces, limits.run_seconds)
        self._shares = Shares(limits)
        self._runs = Runs(self._calls, self._shares, limits)
        self._sign_outs = SignOuts()

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        bus: ActorBus,
        path: Path,
        *,
        cookie_key: bytes,
        endpoints: Mapping[str, Endpoint],
        limits: PlaygroundLimits = _DEFAULT_LIMITS,
        adapters: Mapping[str, OpenProvider] = _SDK_ADAPTERS,
        clock: Clock = utc_now,
        masking: Masking | None = None,
    ) -> AsyncIterator[Self]:
        """Open the keys that users set: they are in the SQLite file at ``path``, sealed with ``cookie_key`` (32 bytes).

        ``endpoints`` are the operator's, by provider. ``adapters`` replace the providers' own, by provider.
        ``masking`` is what the traces of runs are masked by.
        """
        keys = await ProviderKeys.open(path, endpoints, cookie_key, clock)
        async with on_exit(keys.close):
            actor = cls(bus, keys, endpoints=endpoints, limits=limits, adapters=adapters, clock=clock, masking=masking)
            async with on_exit(actor._finish):
                yield actor

    async def work(self) -> None:
        await self._traces.work()

    @handles(ListProviders, lane="reads")
    async def providers(self, _: ListProviders) -> tuple[ProviderState, ...]:
        return states(self._keys)

    @handles(SetProviderKey)
    async def set_provider_key(self, request: SetProviderKey) -> ProviderState:
        entry = entry_of(request.provider)
        await self._keys.set(entry, request.key, request.by)
        self._models.forget(entry)
        return self._keys.state(entry)

    @handles(ForgetProviderKey)
    async def forget_provider_key(self, request: ForgetProviderKey) -> ProviderState:
        entry = entry_of(request.provider)
        await self._keys.forget(entry, request.by)
        self._models.forget(entry)
        return self._keys.state(entry)

    @handles(ListModels, lane="reads")
    async def models(self, request: ListModels) -> tuple[Model, ...]:
        entry = entry_of(request.provider)
        lists = self._models
        return await (lists.refresh(entry) if request.refresh else lists.models(entry))

    @handles(Generate, lane="reads")
    async def generate(self, request: Generate) -> RunResult:
        with self._shares.taken(request.by.user_id, request.prompt.size):
            return await self._calls.generate(RunRecord(prompt=request.prompt, by=request.by))

    @handles(StartRun)
    async def start_run(self, request: StartRun) -> None:
        self._sign_outs.check(request.by)
        self._connections.check(entry_of(request.prompt.provider))
        self._runs.start(request.run_id, request.prompt, request.by)

    @streams(FollowRun)
    def follow_run(self, request: FollowRun) -> AsyncGenerator[tuple[RunEvent, ...], None]:
        return self._runs.follow(request.run_id, request.after, request.by)

    @handles(CancelRun)
    async def cancel_run(self, request: CancelRun) -> None:
        self._runs.cancel(request.run_id, request.by)

    @streams(AwaitSignedOut)
    async def await_signed_out(self, request: AwaitSignedOut) -> AsyncGenerator[None, None]:
        await self._sign_outs.wait(request.by)
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

    @handles(ReplaySpan, lane="reads")
    async def replay(self, request: ReplaySpan) -> Replay:
        span = await self.bus.ask(GetSpan(trace_id=request.trace_id, span_id=request.span_id, room=request.room))
        if span is None:
            raise NotFound("Span not found")
        logs = await self._logs_of(request)
        openai = self._endpoints.get("openai")
        any_model = openai is not None and openai.base_url is not None
        return replay_of(span, any_openai_model=any_model, logs=[log_detail(log) for log in logs])

    async def _logs_of(self, request: ReplaySpan) -> tuple[StoredLog, ...]:
        """``Refused`` when there are more than any prompt takes."""
        room = MOST_LOG_BYTES if request.room is None else min(request.room, MOST_LOG_BYTES)
        try:
            return await self.bus.ask(GetSpanLogs(trace_id=request.trace_id, span_id=request.span_id, room=room))
        except NeedsRoom:
            if room < MOST_LOG_BYTES:
                raise
        raise Refused("The span has too many log records to look for a prompt in them")

    def _sign_out(self, *credentials: str) -> None:
        for credential in credentials:
            self._sign_outs.add(credential)
        self._runs.sign_out(self._sign_outs.has_ended)

    async def _finish(self) -> None:
        """End the runs, and store their traces."""
        await self._runs.stop()
        await self._connections.close()
        await self._traces.flush()
