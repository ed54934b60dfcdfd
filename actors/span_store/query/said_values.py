"""Comparisons with values that are in JSON text: of resources, of events, of what a tool was called with."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import STORED, Pairs, positions
from actors.span_store.columns.types import Booleans, Texts, Untold
from actors.span_store.query import arguments
from actors.span_store.query.arguments import Path
from actors.span_store.query.expression import Contains, Equals, IsNull, Leaf, Numeric
from actors.span_store.query.numeric import number_of
from actors.span_store.query.plain import holds
from actors.span_store.query.text.needle import Needle

_NO: Untold = pa.scalar(False, pa.bool_())
_TOOL = pa.scalar(arguments.TOOL, pa.string())
_ATTRIBUTES = pa.array(arguments.ATTRIBUTES, pa.string())


@attrs.frozen
class ValueTest:
    """Whether a comparison is true of one of a field's values; for ``IsNull``, whether that is a value at all."""

    leaf: Leaf

    def __call__(self, value: Any) -> bool:  # noqa: ANN401 - any JSON
        value = number_of(value) if isinstance(self.leaf.field, Numeric) else value
        return value is not None if isinstance(self.leaf, IsNull) else holds(self.leaf, value)

    def answer(self, are_hits: Untold) -> Untold:
        """Of which rows the comparison is true, when these have a value that the test is true of."""
        return pc.invert(are_hits) if isinstance(self.leaf, IsNull) else are_hits


def different(texts: Texts, answer: Callable[[str], bool]) -> Booleans:
    """Asked once of each different text; false for null."""
    numbered: Untold = texts.dictionary_encode()
    answers: Booleans = pa.array([answer(text) for text in numbered.dictionary.to_pylist()], pa.bool_())
    return pc.fill_null(answers.take(numbered.indices), _NO)


def of_resources(texts: Texts, key: str, test: ValueTest) -> Booleans:
    """Of each row, whether the test is true of an attribute of its resource."""
    return different(texts, lambda text: test(orjson.loads(text)["attributes"].get(key)))


def of_events(texts: Texts, key: str, test: ValueTest) -> Booleans:
    """Of each row, whether the test is true of a value that one of its events has."""
    spelled = orjson.dumps(key).decode() + ":"  # as the store has written it
    return _where(texts, pc.match_substring(texts, spelled), lambda text: any(map(test, _said_by_events(text, key))))


def _said_by_events(text: str, key: str) -> Iterator[Any]:
    for event in orjson.loads(text):
        yield event["attributes"].get(key)
        if key == "name":
            yield event["name"]


def of_arguments(rows: pa.Table, key: str, test: ValueTest) -> Untold:
    """Of each row, whether the test is true of a member of what its tool was called with."""
    search = _Arguments(Path(key), test)
    tools = pc.indices_nonzero(pc.fill_null(pc.equal(rows["type"], _TOOL), _NO)).cast(pa.int64())
    found: list[Untold] = [pa.array([], pa.int64())]
    begin = 0
    for batch in rows.select([STORED, "events_json"]).take(tools).to_batches():
        hits = pc.indices_nonzero(search.hits(batch)).cast(pa.int64())
        found.append(tools.slice(begin, batch.num_rows).take(hits))
        begin += batch.num_rows
    return pc.is_in(positions(rows.num_rows), value_set=pa.concat_arrays(found))


class _Arguments:
    """Looks for members with a key, first for what the text that has one says for certain."""

    def __init__(self, path: Path, test: ValueTest) -> None:
        self._path = path
        self._test = test
        self._patterns = [needle.pattern for needle in needles(path, test.leaf)]

    def hits(self, batch: pa.RecordBatch) -> Booleans:
        """Of each row of a tool."""
        pairs = Pairs(batch[STORED])
        are_it = pc.is_in(pairs.keys, value_set=_ATTRIBUTES)
        texts, others, places = (each.filter(are_it) for each in (pairs.texts, pairs.others, pairs.rows))
        in_pairs = pc.or_(self._in(texts, self._says), self._in(others, self._says))
        in_attributes = pc.is_in(positions(batch.num_rows), value_set=places.filter(in_pairs))
        return pc.or_(in_attributes, self._in(batch["events_json"], self._events_say))

    def _in(self, texts: Texts, answer: Callable[[str], bool]) -> Booleans:
        masks = [pc.match_substring_regex(texts, pattern) for pattern in self._patterns]
        return _where(texts, reduce(pc.and_, masks), answer) if masks else different(texts, answer)

    def _says(self, text: str) -> bool:
        return any(map(self._test, self._path.values_in(text)))

    def _events_say(self, text: str) -> bool:
        said = (event["attributes"].get(key) for event in orjson.loads(text) for key in arguments.EVENT_ATTRIBUTES)
        return any(self._says(each) for each in said if isinstance(each, str))


def needles(path: Path, leaf: Leaf) -> Sequence[Needle]:
    """What a text says for certain that has a member which the comparison is true of."""
    return [*path.needles, *_value_needle(leaf)]


def _value_needle(leaf: Leaf) -> Iterator[Needle]:
    match leaf:
        case Equals(field, str(text)) | Contains(field, text) if text and not isinstance(field, Numeric):
            yield Needle(text)


def _where(texts: Texts, maybe: Untold, answer: Callable[[str], bool]) -> Booleans:
    """The answer for those that may have it; false for the others."""
    places: Untold = pc.indices_nonzero(pc.fill_null(maybe, _NO)).cast(pa.int64())
    hits = different(texts.take(places), answer)
    return pc.is_in(positions(len(texts)), value_set=places.filter(hits))
