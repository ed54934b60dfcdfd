"""The rules of masking, as they are written in ``JUNJO_MASK``: a comma list of names, or a JSON array.

An item of the array is a name, or an object with ``name`` and either ``values`` or ``keys``, an expression in RE2's
syntax: of texts in values, or of keys whose values are masked whole. ``all`` names all patterns that have a name.
"""

import json
import re
from typing import Any

import attrs

from actors.span_store.masking.findings import Rules, any_of
from actors.span_store.masking.masking import Masking
from actors.span_store.masking.patterns import NAMED, Pattern

ALL = "all"
_NAME = re.compile("[a-z0-9_-]{1,40}")
_BY_NAME = {pattern.name: pattern for pattern in NAMED}


def read_masking(written: str, most: int | None = None) -> Masking | None:
    """Read the rules; ``None`` for an empty text. ``ValueError`` names the pattern that cannot be used, and why.

    ``most`` is how many expressions they may have that are no named ones.
    """
    items = _items(written.strip())
    if not items:
        return None
    chosen: list[str] = [item for item in items if isinstance(item, str)]
    for name in chosen:
        if name not in _BY_NAME and name != ALL:
            raise ValueError(f"must name patterns of {ALL}, {', '.join(_BY_NAME)}; {name!r} is none of them")
    others = [item for item in items if not isinstance(item, str)]
    if most is not None and len(others) > most:
        raise ValueError(f"must have at most {most} expressions of its own, not {len(others)}")
    own = [_own(item) for item in others]
    values = [pattern for pattern in NAMED if ALL in chosen or pattern.name in chosen]
    values += [pattern for member, pattern in own if member == "values"]
    _demand_together(values)
    return Masking(Rules(tuple(values), tuple(pattern for member, pattern in own if member == "keys")), written)


def _items(written: str) -> list[Any]:
    if not written.startswith("["):
        return [name.strip().lower() for name in written.split(",") if name.strip()]
    try:
        items = json.loads(written)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"must be a comma list of names or a JSON array: {fault}") from None
    return list(items)


def _own(item: object) -> tuple[str, Pattern]:
    """A pattern that is no named one, and what it is of."""
    members = set(item) if isinstance(item, dict) else set()
    of = members - {"name"}
    if not isinstance(item, dict) or "name" not in members or of not in ({"keys"}, {"values"}):
        raise ValueError('must have names and objects like {"name": "order", "values": "ORD-[0-9]+"}, or "keys"')
    name, member = item["name"], of.pop()
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _BY_NAME or name == ALL:
        raise ValueError(f"must give each expression a name of its own, of a-z, 0-9, _ and -; {name!r} is none")
    if not isinstance(item[member], str):
        raise ValueError(f"the expression {name!r} must be text")  # noqa: TRY004 - as all settings are refused
    return member, _usable(Pattern(name, item[member]))


def _usable(pattern: Pattern) -> Pattern:
    fault = pattern.fault()
    if fault:
        raise ValueError(f"the expression {pattern.name!r} cannot be used: {fault}")
    return pattern


def _demand_together(patterns: list[Pattern]) -> None:
    """All are also one expression, see ``any_of``: two groups of one name cannot be."""
    fault = attrs.evolve(patterns[0], expression=any_of(patterns)).fault() if patterns else ""
    if fault:
        raise ValueError(f"the expressions cannot be used together: {fault}")
