"""Which span of each model call counts, of those that describe it.

Spans describe one call that have the same id of an answer; that are one around the other, with nothing between them
that makes calls of its own; or that are siblings, of the same model, at the same time and by different libraries. A
span around several calls is none itself.

It is decided when a trace is read, from all of its spans: so it does not matter how they came, and where they are.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from functools import cached_property

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.types import Untold
from actors.span_store.traces.arrow_values import coded, integers, rows_of_ids, words
from actors.span_store.traces.disjoint_sets import DisjointSets
from actors.span_store.traces.siblings import Sibling, paired

# What is read of each span of a trace, which stands in the order of start and id.
COLUMNS = (
    "span_id",
    "parent_span_id",
    "type",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "model",
    "request_model",
    "input_tokens",
    "output_tokens",
    "response_id",
    "scope_json",
)
SCOPE = "scope"  # in place of ``scope_json``: the name of the library alone
# Types of spans that may stand between a library's span of a call and the one of the SDK that it called. Others, tools
# and agents above all, make calls of their own.
WRAPPING = (None, "chain", "prompt")
_OPAQUE, _WRAPS = -1, 0  # and the number of its type, from 1, for a call
_NONE = -1
_NEVER = 2**63 - 1
_ERROR = 2  # OTLP's number
# What is behind the name that was asked for in the name of the model that answered, or the other way round.
_VERSION = re.compile(r"(-\d{4}-\d{2}-\d{2}|[-@]\d{8}|-\d{3}|-latest)$")


@attrs.frozen(eq=False)
class Calls:
    """The model calls of one trace. Spans are named by their rows."""

    _spans: pa.Table = attrs.field(repr=False)
    _parents: Sequence[int]
    _described: Sequence[Sequence[int]]  # for each call the spans that describe it, oldest first

    @classmethod
    def of(cls, spans: pa.Table) -> "Calls":
        """Those of all spans of a trace, with ``COLUMNS``, oldest first. Takes near-linear time, whatever they say.

        ``SCOPE`` may stand in place of ``scope_json``. Spans of several traces do as well, if their ids are different.
        """
        found = _Found(spans)
        return cls(spans, found.parents, found.calls())

    @cached_property
    def disputed(self) -> list[int]:
        """Spans that describe a call together with others: of these it matters whether they have content."""
        return [row for rows in self._described if len(rows) > 1 for row in rows]

    def counted(self, with_content: Container[int] = ()) -> set[int]:
        """The one span of each call that counts: one with content, else with tokens; the innermost, the earliest."""
        has_tokens = self._have_tokens() if self.disputed else ()
        depth = _depths(self._parents)

        def preference(row: int) -> tuple[bool, bool, int, int]:
            return row in with_content, row in has_tokens, depth(row), -row

        return {rows[0] if len(rows) == 1 else max(rows, key=preference) for rows in self._described}

    def _have_tokens(self) -> set[int]:
        sent = pc.or_(self._spans["input_tokens"].is_valid(), self._spans["output_tokens"].is_valid())
        rows: Untold = pc.indices_nonzero(sent)
        return set(integers(rows))


class _Found:
    """The spans of calls of one trace, as they are put together."""

    def __init__(self, spans: pa.Table) -> None:
        self.parents = rows_of_ids(spans["parent_span_id"], spans["span_id"])
        self._spans = spans
        self._kinds = _kinds(spans["type"])
        self._rows = [row for row, kind in enumerate(self._kinds) if kind > _WRAPS]
        self._same = DisjointSets()

    def calls(self) -> list[list[int]]:
        if not self._rows:
            return []
        answered = self._join_answers()
        self._join_siblings(answered)
        sums = self._join_wrappers()
        described: defaultdict[int, list[int]] = defaultdict(list)
        for row in self._rows:
            described[self._same.find(row)].append(row)
        for row in sums:
            described.pop(self._same.find(row), None)
        return list(described.values())

    def _join_answers(self) -> set[int]:
        """Join those with the same id of an answer; the rows of all that have one."""
        ids = self._of_calls("response_id")
        if ids.null_count == len(ids):
            return set()
        first: dict[int, int] = {}
        answered = [(row, answer) for row, answer in zip(self._rows, _said(ids), strict=True) if answer >= 0]
        for row, answer in answered:
            self._same.join(first.setdefault(answer, row), row)
        return {row for row, _ in answered}

    def _join_siblings(self, answered: Container[int]) -> None:
        scopes = self._scopes()
        if len(set(scopes)) == 1:
            return
        groups: defaultdict[tuple[int, int, str | None], list[int]] = defaultdict(list)
        parents = coded(self._of_calls("parent_span_id"))
        for call, (row, parent, model) in enumerate(zip(self._rows, parents, self._models(), strict=True)):
            groups[parent, self._kinds[row], model].append(call)
        several = [group for group in groups.values() if len({scopes[call] for call in group}) > 1]
        siblings = _Siblings(self._rows, self._spans, scopes, answered)
        for group in several:
            for one, other in paired([siblings.sibling(call) for call in group], self._same.find):
                self._same.join(one, other)

    def _join_wrappers(self) -> list[int]:
        """Join each span around one call with it; the rows of those around several, which are sums."""
        inside = self._inside()
        sums = []
        for row in inside.outermost_last():
            own = self._same.find(row)
            calls = {self._same.find(inner) for inner in inside.rows[row]}
            if len(calls) == 1:
                self._same.join(row, calls.pop())
            elif own not in calls:
                sums.append(row)
        return sums

    def _inside(self) -> "_Inside":
        """The calls right inside of calls of the same type."""
        found: dict[int, list[int]] = {}
        around = _Around(self.parents, self._kinds)
        for row in self._rows:
            outer = self.parents[row]
            if outer < 0 or self._kinds[outer] == _OPAQUE:  # nearly always
                continue
            outer = around.call(row)
            if outer not in (_NONE, row) and self._kinds[outer] == self._kinds[row]:
                found.setdefault(outer, []).append(row)
        return _Inside(found)

    def _of_calls(self, column: str) -> Untold:
        return self._spans[column].combine_chunks().take(pa.array(self._rows, pa.int64()))

    def _models(self) -> list[str | None]:
        """What was asked for, without its version: one library says it, another one has only what answered."""
        names = words(pc.coalesce(self._of_calls("request_model"), self._of_calls("model")))
        short = {name: name and _VERSION.sub("", name) for name in set(names)}
        return [short[name] for name in names]

    def _scopes(self) -> list[int]:
        """Numbers of their libraries. Versions of one library do not stand beside each other."""
        if SCOPE in self._spans.column_names:
            return coded(self._of_calls(SCOPE))
        encoded = self._of_calls("scope_json").dictionary_encode()
        names = [orjson.loads(text).get("name") for text in encoded.dictionary.to_pylist()]
        numbers = {name: number for number, name in enumerate(names)}
        return [numbers[names[code]] for code in integers(encoded.indices)]


class _Siblings:
    """Makes siblings of calls, which are named by their place among all calls."""

    def __init__(self, rows: Sequence[int], spans: pa.Table, scopes: Sequence[int], answered: Container[int]) -> None:
        calls = spans.select(["start_time_unix_nano", "end_time_unix_nano", "status_code"]).take(
            pa.array(rows, pa.int64())
        )
        self._rows, self._scopes, self._answered = rows, scopes, answered
        self._starts, self._ends, self._codes = (integers(column) for column in calls.columns)

    def sibling(self, call: int) -> Sibling:
        """One that runs has no end yet."""
        row = self._rows[call]
        return Sibling(
            row,
            self._starts[call],
            self._ends[call] or _NEVER,
            frozenset((self._scopes[call],)),
            failed=self._codes[call] == _ERROR,
            answered=row in self._answered,
        )


class _Around:
    """Finds the nearest call around a span. Each span is looked at once, also where parents go round in a circle."""

    def __init__(self, parents: Sequence[int], kinds: Sequence[int]) -> None:
        self._parents = parents
        self._kinds = kinds
        self._known: dict[int, int] = {}

    def call(self, row: int) -> int:
        """Its row, or -1."""
        passed = []
        at = self._parents[row]
        while at >= 0 and self._kinds[at] == _WRAPS and at not in self._known:
            self._known[at] = _NONE  # for a circle
            passed.append(at)
            at = self._parents[at]
        found = self._at(at)
        self._known.update(dict.fromkeys(passed, found))
        return found

    def _at(self, row: int) -> int:
        if row < 0 or self._kinds[row] == _OPAQUE:
            return _NONE
        return row if self._kinds[row] > _WRAPS else self._known[row]


@attrs.frozen
class _Inside:
    """The calls right inside of each call that has any."""

    rows: dict[int, list[int]]

    def outermost_last(self) -> list[int]:
        """The outer calls, each behind those inside of it. Of a circle, any of them is the outermost."""
        inner = {row for rows in self.rows.values() for row in rows}
        order: list[int] = []
        seen: set[int] = set()
        for begin in (*(row for row in self.rows if row not in inner), *self.rows):
            waiting = [begin]
            while waiting:
                row = waiting.pop()
                if row in self.rows and row not in seen:
                    seen.add(row)
                    order.append(row)
                    waiting += self.rows[row]
        return order[::-1]


def _said(ids: Untold) -> list[int]:
    """A number for each different id, -1 for none."""
    nothing: Untold = pa.scalar(None, pa.string())
    return coded(pc.if_else(pc.equal(ids, pa.scalar("", pa.string())), nothing, ids))


def _kinds(types: Untold) -> list[int]:
    encoded = types.combine_chunks().dictionary_encode(null_encoding="encode")
    numbers = [_kind(name) for name in encoded.dictionary.to_pylist()]
    return [numbers[code] for code in integers(encoded.indices)]


def _kind(name: str | None) -> int:
    if name in MODEL_CALLS:
        return 1 + MODEL_CALLS.index(name)
    return _WRAPS if name in WRAPPING else _OPAQUE


def _depths(parents: Sequence[int]) -> Callable[[int], int]:
    """How many spans are around one. A circle has an end where it was entered."""
    known: dict[int, int] = {_NONE: -1}

    def depth(row: int) -> int:
        passed: list[int] = []
        while row not in known:
            known[row] = 0
            passed.append(row)
            row = parents[row]
        for inner in reversed(passed):
            known[inner] = known[row] + 1
            row = inner
        return known[row]

    return depth
