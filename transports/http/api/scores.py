"""Routes of the scores of traces."""

from typing import Annotated, Any

import attrs
from aiohttp import web

from actors.errors import Conflict, NotFound, Unavailable
from actors.scores.messages import (
    MOST_COMMENT,
    MOST_ID,
    MOST_NAME,
    MOST_OF_TRACE,
    AddScore,
    DeleteScore,
    ListScores,
    Score,
    ScoredBy,
    Source,
)
from transports.http.framework.dispatch import json_bytes
from transports.http.framework.path_ids import TRACE_ID, ids_of
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import HexId, MaxLength, NotBlank
from transports.http.wire.moments import time_text
from transports.http.wire.score_value import ScoreValue

_PATH = "/api/v1/observability/traces/{trace_id}/scores"
_CREATED = {"type": "string", "format": "date-time"}
_VALUE = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_BY = {"id": "Mf8fJLve2y1WBaP5TYC7pv", "email": "ada@example.com", "key_id": None}
_SCORE = {
    "id": "Nj-i2zCP0XgMNWwCuw2zs",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": None,
    "name": "helpful",
    "value": 0.8,
    "comment": "Found the order, and was polite",
    "source": "human",
    "created_at": "2026-11-30T07:00:00.123Z",
    "by": _BY,
}
_ID = {"score_id": Parameter(description="Id of the score, percent-encoded", example="Nj-i2zCP0XgMNWwCuw2zs")}


@attrs.frozen(kw_only=True)
class NewScore:
    """What somebody thinks of a trace."""

    name: Annotated[str, NotBlank("A score needs a name"), MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("What is judged", "helpful")
    )
    value: Annotated[Any, ScoreValue()] = attrs.field(metadata=described("A number or a word", 0.8))
    source: Source = attrs.field(metadata=described("Who judged: human, code or model", "human"))
    span_id: Annotated[str, HexId(16)] | None = attrs.field(
        default=None, metadata=described("The span that is meant; the trace as a whole when left out", None)
    )
    comment: Annotated[str, MaxLength(MOST_COMMENT)] | None = attrs.field(
        default=None, metadata=described("Why", _SCORE["comment"])
    )
    id: Annotated[str, NotBlank("An id is not blank"), MaxLength(MOST_ID)] | None = attrs.field(
        default=None,
        metadata=described("One of your own, so that what is sent again counts once", "evaluation-7/4711"),
    )


@attrs.frozen(kw_only=True)
class ScoredByAnswer:
    """The user who sent a score, or whose key did."""

    id: str = attrs.field(metadata=described("Id of the user, or api_key: and that of the key", _BY["id"]))
    email: str = attrs.field(metadata=described("Their e-mail address, or that of the key's owner", _BY["email"]))
    key_id: str | None = attrs.field(metadata=described("Id of the key that stood in for a sign-in", None))

    @classmethod
    def of(cls, by: ScoredBy) -> "ScoredByAnswer":
        return cls(id=by.id, email=by.email, key_id=by.key_id)


@attrs.frozen(kw_only=True)
class ScoreAnswer:
    """A score of a trace."""

    id: str = attrs.field(metadata=described("Id of the score", _SCORE["id"]))
    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", _SCORE["trace_id"]))
    span_id: str | None = attrs.field(metadata=described("The span that is meant; null for the whole trace", None))
    name: str = attrs.field(metadata=described("What was judged", "helpful"))
    value: Any = attrs.field(metadata=described("A number or a word", 0.8) | _VALUE)
    comment: str | None = attrs.field(metadata=described("Why", _SCORE["comment"]))
    source: str = attrs.field(metadata=described("Who judged", "human") | {"enum": [source.value for source in Source]})
    created_at: str = attrs.field(metadata=described("UTC, nine decimals", _SCORE["created_at"]) | _CREATED)
    by: ScoredByAnswer = attrs.field(metadata=described("Who sent it", _BY))

    @classmethod
    def of(cls, score: Score) -> "ScoreAnswer":
        return cls(
            id=score.id,
            trace_id=score.trace_id,
            span_id=score.span_id,
            name=score.name,
            value=score.value,
            comment=score.comment,
            source=score.source.value,
            created_at=time_text(score.created_at),
            by=ScoredByAnswer.of(score.by),
        )


@attrs.frozen(kw_only=True)
class ScoresAnswer:
    """The scores of a trace."""

    scores: list[ScoreAnswer] = attrs.field(metadata=described(f"Oldest first, at most {MOST_OF_TRACE}", [_SCORE]))


async def create_score(call: Call[NewScore, None]) -> web.Response:
    """Answer 201, or 200 when there is a score with this id already."""
    wanted = call.body
    request = AddScore(
        **ids_of(call),
        name=wanted.name,
        value=wanted.value,
        source=wanted.source,
        span_id=wanted.span_id,
        comment=wanted.comment,
        id=wanted.id,
        by=call.by,
    )
    added = await call.bus.ask(request)
    body = json_bytes(ScoreAnswer.of(added.score))
    return web.Response(status=201 if added.is_new else 200, body=body, content_type="application/json")


async def list_scores(call: Call[None, None]) -> ScoresAnswer:
    scores = await call.bus.ask(ListScores(**ids_of(call)))
    return ScoresAnswer(scores=[ScoreAnswer.of(score) for score in scores])


async def delete_score(call: Call[None, None]) -> None:
    await call.bus.ask(DeleteScore(id=call.path("score_id"), by=call.by))


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(method=method, path=path, handler=handler, summary=summary, tag="scores", only_known=True, **more)


ROUTES = (
    _route(
        "GET",
        _PATH,
        list_scores,
        "List the scores of a trace, oldest first",
        access=Access.SESSION_OR_READ_KEY,
        answers=ScoresAnswer,
        errors=(NotFound, Unavailable),
        path_parameters={"trace_id": TRACE_ID},
    ),
    _route(
        "POST",
        _PATH,
        create_score,
        "Score a trace, or one of its spans; 200 and unchanged for the same id",
        access=Access.SESSION_OR_SCORE_KEY,
        body=NewScore,
        answers=ScoreAnswer,
        status=201,
        also_status=200,
        errors=(NotFound, Conflict, Unavailable),
        path_parameters={"trace_id": TRACE_ID},
    ),
    _route(
        "DELETE",
        "/api/v1/scores/{score_id}",
        delete_score,
        "Drop a score",
        access=Access.SESSION_OR_SCORE_KEY,
        answers=None,
        status=204,
        errors=(NotFound, Unavailable),
        path_parameters=_ID,
    ),
)
