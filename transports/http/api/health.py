"""Health routes: three members for everybody, and all details for those who may read.

Both answer 200 also when degraded. A restart would not help, so nothing that restarts unhealthy services may see
another status.
"""

import attrs

from actors.errors import StudioError
from actors.ingestion.messages import GetIngestionState
from actors.session.messages import GetAccountsState
from actors.span_store.messages import GetStoreState, Job, StoreState
from transports.http.config import APP_NAME
from transports.http.framework.route import Access, Call, Route, described

_OK, _DEGRADED = "ok", "degraded"
_STATUS = described("ok or degraded", _OK) | {"enum": [_OK, _DEGRADED]}
_JOB = {"job": "seal", "done": 0, "of": 2}


@attrs.frozen(kw_only=True)
class Health:
    """The health of the service. Junjo's own client refuses any further member."""

    status: str = attrs.field(metadata=_STATUS)
    version: str = attrs.field(metadata=described("Version of the application", "0.1.0"))
    app_name: str = attrs.field(metadata=described("Name of the application", APP_NAME))


@attrs.frozen(kw_only=True)
class IngestionHealth:
    """The pull of spans from the external ingestion service. Counts are since the studio started."""

    connected: bool = attrs.field(metadata=described("Whether the latest pull succeeded", True))
    fault: str = attrs.field(metadata=described("Why it did not; empty otherwise", ""))
    stored: int = attrs.field(metadata=described("Spans pulled and durable", 1200))
    corrupt: int = attrs.field(metadata=described("Rows that were no span, logged and passed", 0))
    remaining: int | None = attrs.field(metadata=described("Rows that still wait there, where the service says so", 0))


@attrs.frozen(kw_only=True)
class StoreHealth:
    """The contents of the span store."""

    recent_spans: int = attrs.field(metadata=described("Spans that are durable in the WAL and not flushed yet", 120))
    recent_bytes: int = attrs.field(metadata=described("What they take in memory", 250_000))
    segments: int = attrs.field(metadata=described("Sealed files", 3))
    segment_bytes: int = attrs.field(metadata=described("Their size", 9_000_000))
    sealed_spans: int = attrs.field(metadata=described("Spans in them", 40_000))


@attrs.frozen(kw_only=True)
class RetentionHealth:
    """The deletion of old spans."""

    waiting: str | None = attrs.field(metadata=described("Why it does not delete what is due, if so", None))


@attrs.frozen(kw_only=True)
class JobHealth:
    """A background job."""

    job: str = attrs.field(
        metadata=described("seal, text index, deletion, remap (columns) or costs (restated)", "seal")
    )
    done: int = attrs.field(metadata=described("How much of it is done", 0))
    of: int = attrs.field(metadata=described("How much of it there is", 2))


@attrs.frozen(kw_only=True)
class HealthDetails(Health):
    """The health of the service in detail."""

    problems: tuple[str, ...] = attrs.field(
        metadata=described("What is wrong, a sentence each", ["The disk of the span store is full or fails"])
    )
    ingestion: IngestionHealth | None = attrs.field(metadata=described("The pull of spans, where there is one", None))
    store: StoreHealth | None = attrs.field(
        metadata=described(
            "What the span store holds; null while it cannot be opened",
            {"recent_spans": 120, "recent_bytes": 1, "segments": 3, "segment_bytes": 1, "sealed_spans": 40_000},
        )
    )
    accounts: str = attrs.field(metadata=_STATUS | {"description": "Users, sessions and keys: ok or degraded"})
    retention: RetentionHealth = attrs.field(metadata=described("The deletion of old spans", {"waiting": None}))
    background: tuple[JobHealth, ...] = attrs.field(metadata=described("What is being done now", [_JOB]))


async def health(call: Call[None, None]) -> Health:
    store, accounts = await _store(call), await _accounts_problems(call)
    return Health(status=_status(bool(store.problems or accounts)), version=call.config.version, app_name=APP_NAME)


async def health_details(call: Call[None, None]) -> HealthDetails:
    store, accounts = await _store(call), await _accounts_problems(call)
    problems = (*store.problems, *accounts)
    return HealthDetails(
        status=_status(bool(problems)),
        version=call.config.version,
        app_name=APP_NAME,
        problems=problems,
        ingestion=await _pull(call) if call.config.pulls_spans else None,
        store=_store_health(store) if store.is_open else None,
        accounts=_status(bool(accounts)),
        retention=RetentionHealth(waiting=store.retention_waits),
        background=tuple(map(_job, store.background)),
    )


def _status(wrong: bool) -> str:
    return _DEGRADED if wrong else _OK


async def _store(call: Call[None, None]) -> StoreState:
    """The state of the span store; its absence is an answer too, and no error."""
    try:
        return await call.bus.ask(GetStoreState())
    except StudioError as away:
        return StoreState(problems=(away.detail,))


async def _accounts_problems(call: Call[None, None]) -> tuple[str, ...]:
    try:
        return (await call.bus.ask(GetAccountsState())).problems
    except StudioError as away:
        return (away.detail,)


async def _pull(call: Call[None, None]) -> IngestionHealth:
    try:
        state = await call.bus.ask(GetIngestionState())
    except StudioError as away:
        return IngestionHealth(connected=False, fault=away.detail, stored=0, corrupt=0, remaining=None)
    return IngestionHealth(
        connected=state.connected,
        fault=state.fault,
        stored=state.stored,
        corrupt=state.corrupt,
        remaining=state.remaining,
    )


def _store_health(state: StoreState) -> StoreHealth:
    return StoreHealth(
        recent_spans=state.recent_spans,
        recent_bytes=state.recent_bytes,
        segments=state.segments,
        segment_bytes=state.segment_bytes,
        sealed_spans=state.sealed_spans,
    )


def _job(job: Job) -> JobHealth:
    return JobHealth(job=job.name, done=job.done, of=job.of)


HEALTH = (
    Route(
        method="GET",
        path="/health",
        handler=health,
        answers=Health,
        tag="service",
        summary="Check the service",
    ),
)
ROUTES = (
    *HEALTH,
    Route(
        method="GET",
        path="/health/details",
        handler=health_details,
        access=Access.SESSION_OR_READ_KEY,
        answers=HealthDetails,
        only_known=True,
        tag="service",
        summary="Tell what is wrong, what is stored and what is being done",
    ),
)
