"""Comparisons of scores as conditions of SQL, each on the numbers or on the texts alone, so that an index has them."""

import json
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import Untold
from actors.span_store.query.expression import Between, Contains, Equals, IsNull, Leaf, Matches, OneOf, Value

Parameter: TypeAlias = str | int | float
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1  # of SQLite's whole numbers


@attrs.frozen
class Condition:
    """A condition on the scores of one name, and its parameters in the order of their question marks."""

    text: str
    parameters: tuple[Parameter, ...] = ()


def conditions(leaf: Leaf) -> Iterator[Condition]:
    """The comparison is true of a score that fulfils one of these; of ``IsNull``, its opposite.

    A pattern has none: see ``matching``.
    """
    match leaf:
        case Equals(_, value):
            yield from _among([value])
        case OneOf(_, values):
            yield from _among(values)
        case Between():
            yield _between(leaf)
        case Contains(_, text):
            yield Condition("instr(text, ?) > 0", (text,))
        case IsNull():
            yield Condition("number IS NOT NULL")
            yield Condition("text IS NOT NULL")
        case Matches():
            raise TypeError("SQLite has no patterns")


def one_of(texts: Iterable[str]) -> Condition:
    """The score is one of these texts."""
    return Condition("text IN (SELECT value FROM json_each(?))", (json.dumps(list(texts)),))


def matching(pattern: str, texts: list[str]) -> list[str]:
    """The texts in which the pattern matches somewhere. Takes time that grows with their length."""
    column: Untold = pa.array(texts, pa.string())
    found: list[str] = column.filter(pc.match_substring_regex(column, pattern)).to_pylist()
    return found


def _among(values: Iterable[Value]) -> Iterator[Condition]:
    texts, numbers = [], []
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif not isinstance(value, bool):  # no score is true or false
            numbers.append(_number(value))
    if texts:
        yield one_of(texts)
    if numbers:
        yield Condition("number IN (SELECT value FROM json_each(?))", (json.dumps(numbers),))


def _between(leaf: Between) -> Condition:
    is_text = isinstance(leaf.low if leaf.high is None else leaf.high, str)
    column = "text" if is_text else "number"
    bounds = [(">=" if leaf.low_included else ">", leaf.low), ("<=" if leaf.high_included else "<", leaf.high)]
    given = [(operator, bound) for operator, bound in bounds if bound is not None]
    text = " AND ".join(f"{column} {operator} ?" for operator, _ in given)
    return Condition(text, tuple(bound if isinstance(bound, str) else _number(bound) for _, bound in given))


def _number(value: float) -> float:
    """As SQLite can have it, compared by its value. What is larger than any score stays so."""
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return float(max(-(10**308), min(10**308, value)))
    return value
