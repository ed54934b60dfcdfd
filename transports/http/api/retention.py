"""Routes of the rule which spans are kept."""

from datetime import timedelta
from typing import Annotated, Any, Final

import attrs

from actors.errors import Conflict, Unavailable
from actors.retention.messages import (
    LEAST_BYTES,
    LEAST_HOURS,
    MOST_BYTES,
    MOST_DAYS,
    CountingRule,
    GetRetention,
    SetRetention,
)
from actors.span_store.asked.retention import PreviewRetention, RetentionPreview, RetentionRule
from transports.http.framework.route import Access, Call, Handler, Route, described
from transports.http.framework.rules import Between
from transports.http.wire.moments import time_text

_PATH: Final = "/api/v1/retention"
_DAY: Final = timedelta(days=1)
_GB: Final = 10**9
_START: Final = "2026-11-01T00:00:00.000Z"
_Days = Annotated[float, Between(LEAST_HOURS / 24, float(MOST_DAYS))]
_Gigabytes = Annotated[float, Between(LEAST_BYTES / _GB, MOST_BYTES / _GB)]


@attrs.frozen(kw_only=True)
class RuleBody:
    """Which spans are kept. Null is no bound."""

    days: _Days | None = attrs.field(default=None, metadata=described("Spans that are older are deleted", 30.0))
    gb: _Gigabytes | None = attrs.field(
        default=None, metadata=described("The most space for spans, in 10^9 bytes: the oldest are deleted first", 50.0)
    )


@attrs.frozen(kw_only=True)
class RuleAnswer:
    """Which spans are kept, and who says so. Null is no bound."""

    days: float | None = attrs.field(metadata=described("Spans that are older are deleted", 30.0))
    days_set_by: str | None = attrs.field(metadata=described("`environment`, `settings`, or null", "settings"))
    gb: float | None = attrs.field(metadata=described("The most space for spans, in 10^9 bytes", None))
    gb_set_by: str | None = attrs.field(metadata=described("`environment`, `settings`, or null", None))

    @classmethod
    def of(cls, kept: CountingRule) -> "RuleAnswer":
        rule, fixed = kept.rule, kept.fixed
        return cls(
            days=None if rule.age is None else rule.age / _DAY,
            days_set_by=_set_by(rule.age, fixed.age),
            gb=None if rule.size is None else rule.size / _GB,
            gb_set_by=_set_by(rule.size, fixed.size),
        )


@attrs.frozen(kw_only=True)
class PreviewAnswer:
    """What a rule would delete now. Spans that are in no file yet are not looked at."""

    spans: int = attrs.field(metadata=described("Spans that would go", 12_345))
    files: int = attrs.field(metadata=described("Files that would go as a whole", 4))
    bytes: int = attrs.field(metadata=described("What these files have", 210_000_000))
    oldest_start: str | None = attrs.field(
        metadata=described("Start of the oldest span that would stay in a file; null for none", _START)
        | {"format": "date-time"}
    )
    waits: str | None = attrs.field(metadata=described("Why nothing goes for its age now, or null", None))

    @classmethod
    def of(cls, preview: RetentionPreview) -> "PreviewAnswer":
        oldest = preview.oldest_start_unix_nano
        return cls(
            spans=preview.spans,
            files=preview.segments,
            bytes=preview.bytes,
            oldest_start=None if oldest is None else time_text(oldest),
            waits=preview.waits,
        )


async def get_retention(call: Call[None, None]) -> RuleAnswer:
    return RuleAnswer.of(await call.bus.ask(GetRetention()))


async def preview_retention(call: Call[None, RuleBody]) -> PreviewAnswer:
    return PreviewAnswer.of(await call.bus.ask(PreviewRetention(rule=_rule(call.query))))


async def set_retention(call: Call[RuleBody, None]) -> RuleAnswer:
    return RuleAnswer.of(await call.bus.ask(SetRetention(rule=_rule(call.body), by=call.by)))


def _rule(body: RuleBody) -> RetentionRule:
    return RetentionRule(
        age=None if body.days is None else body.days * _DAY, size=None if body.gb is None else round(body.gb * _GB)
    )


def _set_by(value: object, fixed: object) -> str | None:
    return "environment" if fixed is not None else None if value is None else "settings"


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(method=method, path=path, handler=handler, summary=summary, tag="retention", only_known=True, **more)


ROUTES = (
    _route(
        "GET",
        _PATH,
        get_retention,
        "Say which spans are kept, and whether the environment says so or an admin",
        access=Access.SESSION_OR_READ_KEY,
        answers=RuleAnswer,
    ),
    _route(
        "GET",
        f"{_PATH}/preview",
        preview_retention,
        "Say what a rule would delete if it counted now; nothing is changed",
        access=Access.SESSION_OR_READ_KEY,
        query=RuleBody,
        answers=PreviewAnswer,
        errors=(Unavailable,),
    ),
    _route(
        "PUT",
        _PATH,
        set_retention,
        "Set which spans are kept: what no longer is goes within seconds, for good",
        access=Access.ADMIN,
        body=RuleBody,
        answers=RuleAnswer,
        errors=(Conflict,),
    ),
)
