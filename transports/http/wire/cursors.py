"""Cursors: opaque text, ``next`` in one answer and ``after`` in the request for the next page.

A cursor belongs to its question, which is the path and all parameters but ``after`` and ``limit``: under another one it
would leave out or repeat entries. It is no secret and no proof: a made-up cursor gets a page that could have been had
by asking.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar, get_args

import attrs
import orjson

from actors.errors import Problem
from transports.http.framework.validation import echo, invalid

P = TypeVar("P")

_AFTER, _LIMIT = "after", "limit"
_FORM = re.compile(r"[A-Za-z0-9_-]{1,1000}")
_INTEGERS = range(-(2**63), 2**63)  # as databases have them
_DIGITS = 16  # of the question's digest, in hex


class Asked(Protocol):
    """A question: a request has these, and so has whatever else is asked by name and parameters."""

    @property
    def path(self) -> str: ...

    @property
    def query(self) -> Mapping[str, str]: ...


def cursor_of(request: Asked, place: Any) -> str:  # noqa: ANN401 - any attrs class of texts and numbers
    """Make the cursor of a place in the answer to this question."""
    return urlsafe_b64encode(orjson.dumps([_question(request), *attrs.astuple(place)])).rstrip(b"=").decode()


def place_after(request: Asked, cursor: str, kind: type[P]) -> P:
    """Parse a cursor into the place that it names, an attrs class.

    ``cursor_invalid`` when it names none, or one of another question.
    """
    match _parts(cursor):
        case [str(question), *place] if question == _question(request) and _fits(place, kind):
            with suppress(ValueError):  # of a validator
                return kind(*place)
    problem = Problem(
        type="cursor_invalid",
        location=("query", _AFTER),
        message="Input should be the next of an earlier answer to the same question",
        input=echo(cursor),
    )
    raise invalid(problem)


def _parts(cursor: str) -> object:
    if not _FORM.fullmatch(cursor):
        return None
    try:
        return orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:  # of either library
        return None


def _fits(place: list[object], kind: type[Any]) -> bool:
    fields = attrs.fields(attrs.resolve_types(kind))
    return len(place) == len(fields) and all(
        type(part) in (get_args(field.type) or (field.type,))  # a bool is no int here
        and (not isinstance(part, int) or part in _INTEGERS)
        for part, field in zip(place, fields, strict=True)
    )


def _question(request: Asked) -> str:
    asked = sorted((name, value) for name, value in request.query.items() if name not in (_AFTER, _LIMIT))
    return hashlib.sha256(orjson.dumps([request.path, asked])).hexdigest()[:_DIGITS]
