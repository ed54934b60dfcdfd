"""Route of the exports that were refused lately."""

import attrs

from transports.http.framework.route import Access, Call, Route, described
from transports.http.wire.moments import time_text
from transports.refused_exports import RefusedExport

_TIME = {"format": "date-time"}
_CURE = "make a new key with POST /api_keys, and set OTEL_EXPORTER_OTLP_HEADERS=x-junjo-api-key=KEY"
_EXAMPLE = {
    "sender": "192.0.2.1",
    "fault": "spans came with an API key that will not do: unknown, ended, or without the scope ingest",
    "cure": _CURE,
    "path": "/v1/traces",
    "times": 3,
    "first_at": "2026-11-30T07:00:00.123456789Z",
    "last_at": "2026-11-30T07:00:10.123456789Z",
}


@attrs.frozen(kw_only=True)
class RefusedExportAnswer:
    """What one sender does wrong, and what it has to set."""

    sender: str = attrs.field(metadata=described("Address that it came from", _EXAMPLE["sender"]))
    fault: str = attrs.field(metadata=described("What was wrong", _EXAMPLE["fault"]))
    cure: str = attrs.field(metadata=described("What to set", _CURE))
    path: str | None = attrs.field(
        metadata=described("Path of the latest; null where it did not come over HTTP", _EXAMPLE["path"])
    )
    times: int = attrs.field(metadata=described("How often it came", 3))
    first_at: str = attrs.field(metadata=described("When it came first", "2026-11-30T07:00:00.123Z") | _TIME)
    last_at: str = attrs.field(metadata=described("When it came last", "2026-11-30T07:00:10.123Z") | _TIME)

    @classmethod
    def of(cls, refused: RefusedExport) -> "RefusedExportAnswer":
        return cls(
            sender=refused.sender,
            fault=refused.fault,
            cure=refused.cure,
            path=refused.path,
            times=refused.times,
            first_at=time_text(refused.first_at),
            last_at=time_text(refused.last_at),
        )


@attrs.frozen(kw_only=True)
class RefusedExportsAnswer:
    """The exports that were refused lately."""

    refused: list[RefusedExportAnswer] = attrs.field(
        metadata=described(
            "One for each sender and fault, the latest first; 100 at most, since the studio's start",
            [_EXAMPLE | {"first_at": "2026-11-30T07:00:00.123Z", "last_at": "2026-11-30T07:00:10.123Z"}],
        )
    )


async def refused_exports(call: Call[None, None]) -> RefusedExportsAnswer:
    latest = call.config.misdirected.refused.latest()
    return RefusedExportsAnswer(refused=[RefusedExportAnswer.of(each) for each in latest])


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/refused-exports",
        handler=refused_exports,
        access=Access.SESSION_OR_READ_KEY,
        answers=RefusedExportsAnswer,
        only_known=True,
        tag="OTLP",
        summary="The exports that were refused lately, and what their senders have to set",
    ),
)
