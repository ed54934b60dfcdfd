"""A filter as it was written: what is side by side, in which field, with which value. Columns are counted from 1."""

from typing import TypeAlias

import attrs


@attrs.frozen(kw_only=True)
class Name:
    """The name of a field. ``key`` is what stands behind the first dot, if anything does."""

    text: str
    column: int

    @property
    def prefix(self) -> str:
        return self.text.partition(".")[0]

    @property
    def key(self) -> str:
        return self.text.partition(".")[2]


@attrs.frozen(kw_only=True)
class Literal:
    """A value. In quotes it is itself; without, ``*`` and ``?`` stand for other characters."""

    text: str
    column: int
    is_quoted: bool = False


@attrs.frozen
class Words:
    """A word or phrase that the span says anywhere."""

    value: Literal


@attrs.frozen
class Has:
    """The field has a value."""

    name: Name


@attrs.frozen
class Compared:
    """``operator`` is ``:``, ``:>``, ``:>=``, ``:<`` or ``:<=``."""

    name: Name
    operator: str
    value: Literal


@attrs.frozen
class Within:
    """Between two values, both included; ``*`` is no bound."""

    name: Name
    low: Literal
    high: Literal


@attrs.frozen
class Each:
    """All members. Without any: every span."""

    members: tuple["Tree", ...] = ()


@attrs.frozen
class Either:
    """One member at least."""

    members: tuple["Tree", ...]


@attrs.frozen
class Negated:
    """Not the member."""

    member: "Tree"


@attrs.frozen
class Grouped:
    """What stands in parentheses."""

    member: "Tree"


Tree: TypeAlias = Words | Has | Compared | Within | Each | Either | Negated | Grouped
