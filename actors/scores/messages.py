"""The public face of ScoresActor: what people, programs and models think of traces."""

from collections.abc import Mapping
from enum import Enum

import attrs
import pyarrow as pa

from actors.principal import Principal
from actors.runtime.messages import Request
from actors.span_store.query.expression import Expression, demand_bounds

MOST_NAME = 100  # characters
MOST_TEXT = 1000  # characters of a value that is a text
MOST_COMMENT = 4000  # characters
MOST_ID = 100  # characters
MOST_NUMBER = 1e300  # so that the sum of any that there are is a number
MOST_OF_TRACE = 500  # scores
MOST_SUMMARIES = 20  # of a trace
MOST_TABLED = 200_000  # scores that are handed out together: some hundred bytes each
MOST_SUMMED = 200_000  # traces, of which each takes a hundred bytes


class Source(Enum):
    """Who judged."""

    HUMAN = "human"
    CODE = "code"
    MODEL = "model"


@attrs.frozen(kw_only=True)
class ScoredBy:
    """The user who sent a score, or whose key did."""

    id: str
    email: str
    key_id: str | None


@attrs.frozen(kw_only=True)
class Score:
    """One judgement of a trace, or of a span of it. ``created_at`` is in Unix nanoseconds."""

    id: str
    trace_id: str
    span_id: str | None
    name: str
    value: float | str
    comment: str | None
    source: Source
    created_at: int
    by: ScoredBy


@attrs.frozen(kw_only=True)
class ScoreSummary:
    """The scores of a trace that have one name: the mean of numbers, or the text that most of them have.

    Of texts that are equally frequent it is the first one by code points.
    """

    name: str
    value: float | str
    count: int


@attrs.frozen(kw_only=True)
class AddedScore:
    """A score, and whether it is new."""

    score: Score
    is_new: bool


@attrs.frozen(kw_only=True)
class AddScore(Request[AddedScore]):
    """Score a trace that is stored. The score is durable when this is answered.

    When there is a score of the trace with this id, it stays as it is and is the answer: so a request may be sent
    again. ``NotFound`` when no span of the trace is stored, ``Conflict`` when another trace has a score with the id, or
    the trace has too many, and ``InvalidRequest`` for values beyond the bounds.
    """

    trace_id: str
    name: str
    value: float | str
    source: Source
    span_id: str | None = None
    comment: str | None = None
    id: str | None = None  # one is made without it
    by: Principal


@attrs.frozen(kw_only=True)
class ListScores(Request[tuple[Score, ...]]):
    """The scores of a trace, oldest first. ``NotFound`` when no span of it is stored."""

    trace_id: str


@attrs.frozen(kw_only=True)
class DeleteScore(Request[None]):
    """Drop a score. ``NotFound``."""

    id: str
    by: Principal


@attrs.frozen(kw_only=True)
class SummarizeScores(Request[Mapping[str, tuple[ScoreSummary, ...]]]):
    """The scores of each of these traces by name, ascending, of at most 20 names; traces without any are left out.

    A name that has numbers and texts has two summaries.
    """

    trace_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class SweepScores(Request[int]):
    """Drop the scores of this trace, or of all traces, of which no span is stored any more; how many there were.

    ``Unavailable`` while the span store cannot say. It happens by itself, too, a while later.
    """

    trace_id: str | None = None


@attrs.frozen(kw_only=True)
class ReplaceScores(Request[Expression]):
    """The same filter with the traces themselves in place of each comparison of a score.

    A comparison is true of all spans of a trace of which one score of the name is so. ``InvalidRequest`` when those are
    more traces than an expression may have.
    """

    where: Expression = attrs.field(validator=demand_bounds)


@attrs.frozen(kw_only=True)
class SumScores(Request[pa.Table]):
    """The numbers among the scores of one name, summed up by trace: ``trace_id``, ``count`` and ``total``.

    ``InvalidRequest`` when more than ``MOST_SUMMED`` traces have any.
    """

    name: str


@attrs.frozen(kw_only=True)
class TableScores(Request[pa.Table]):
    """All scores, oldest first, with the columns of ``SCORES``. ``TooLarge`` for more than ``MOST_TABLED``."""
