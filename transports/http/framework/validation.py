"""Validation: JSON and query strings become attrs classes, strictly: 5 is not "5", "no" is not true; "5" is 5.

Faults are described as pydantic 2 does, because the clients of this API show those texts (contract, section 1). All
faults of a request are found, in the order of the fields.
"""

import math
import re
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any, TypeVar, get_args, get_origin

import attrs
from cattrs import BaseValidationError, Converter
from cattrs.errors import AttributeValidationNote, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from actors.errors import InvalidRequest, Problem
from actors.span_store.messages import Cursor
from transports.http.framework.route import wire_name
from transports.http.framework.rules import Fault, Rule
from transports.http.wire.cursor_text import cursor_from
from transports.http.wire.filters import Filter, filter_in
from transports.http.wire.moments import Moment, moment_in
from transports.masking import MASK, is_secret_name, names_a_secret, without_keys

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_DEEPEST_ECHO = 32  # levels of a faulty input that are echoed
# pydantic reads "1_000", "+5" and "5.0" as integers, and nothing with an exponent.
_INTEGER = re.compile(r"\s*([+-]?[0-9]+(?:_[0-9]+)*)(?:\.0+)?\s*")
_MOST_DIGITS = 4300
_DECIMAL = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}


def structure_body(document: object, cls: type[T], *, large: bool = False) -> T:
    """Validate a parsed JSON document as an instance of ``cls``. ``None`` is a missing body.

    Of a ``large`` one only the first fault is reported, without its location: each location takes a kilobyte, and a
    body of megabytes may have millions of faults.
    """
    if document is None:
        raise invalid(Problem(type="missing", location=("body",), message="Field required"))
    if large:
        return _structured_briefly(document, cls)
    return _structured(_json_converter, document, cls, "body")


def structure_query(query: Mapping[str, str], cls: type[T], *, only_known: bool = False) -> T:
    """Validate query parameters as an instance of ``cls``; the last value of a repeated one counts.

    Unknown ones are ignored, or are faults with ``only_known``.
    """
    unknown = tuple(_unknown(query, cls)) if only_known and query else ()
    try:
        structured = _structured(_query_converter, query, cls, "query")
    except InvalidRequest as error:
        raise invalid(*error.problems, *unknown) from None
    if unknown:
        raise invalid(*unknown)
    return structured


def structure_arguments(arguments: Mapping[str, Any], cls: type[T]) -> T:
    """Validate the arguments of a tool: JSON, with filters and times as queries have them. All must be known.

    One that is null counts as left out: programs that fill in a form send all of its fields.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    unknown = tuple(_unknown(given, cls, "arguments"))
    try:
        structured = _structured(_argument_converter, given, cls, "arguments")
    except InvalidRequest as error:
        raise invalid(*error.problems, *unknown) from None
    if unknown:
        raise invalid(*unknown)
    return structured


def _unknown(query: Mapping[str, Any], cls: type[Any], where: str = "query") -> Iterator[Problem]:
    """Faults of unknown parameters: a misspelled one must not widen what is read or deleted."""
    known = {wire_name(field.name) for field in attrs.fields(cls)}
    for name, value in query.items():
        if name not in known:
            shown = MASK if is_secret_name(name) else echo(value)
            location = (where, without_keys(_text(name)))
            yield Problem(
                type="extra_forbidden", location=location, message="Extra inputs are not permitted", input=shown
            )


def unstructure(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Convert an answer to plain JSON types. Times are whole seconds with a literal Z (contract, section 2)."""
    return _json_converter.unstructure(value)


def invalid(*problems: Problem) -> InvalidRequest:
    return InvalidRequest("The request is not valid", problems)


def echo(value: Any, public: Container[str] | None = None, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Prepare a client's input to be sent back: without secrets, and with nothing that JSON cannot hold.

    Members that are not ``public`` are masked, and so is text in their place: where a password is asked for, any
    unknown member may hold it. With ``public=None`` the request has no secrets, and members with names of secrets are
    masked.
    """
    if depth > _DEEPEST_ECHO:
        return "…"
    if isinstance(value, dict):
        return {
            _text(key): echo(item, public, depth + 1) if _may_be_shown(key, public) else MASK
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            MASK if public is not None and isinstance(item, str) else echo(item, public, depth + 1) for item in value
        ]
    if isinstance(value, str):
        return without_keys(_text(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _may_be_shown(name: str, public: Container[str] | None) -> bool:
    return not is_secret_name(name) if public is None else name in public


def _text(value: str) -> str:
    """Replace lone surrogates, which JSON can escape and UTF-8 cannot hold, by question marks."""
    return value.encode("utf-8", "replace").decode()


def _structured(converter: Converter, value: Any, cls: type[T], where: str) -> T:  # noqa: ANN401 - any JSON value
    try:
        return converter.structure(value, cls)
    except (Fault, BaseValidationError) as error:
        raise invalid(*_problems(error, (where,), value, _public(cls))) from None


def _structured_briefly(document: object, cls: type[T]) -> T:
    try:
        return _brief_converter.structure(document, cls)
    except Fault as fault:
        problem = Problem(type=fault.type, location=("body",), message=fault.message, context=fault.context)
    except KeyError:
        problem = Problem(type="missing", location=("body",), message="Field required")
    raise invalid(problem)


def _public(cls: type[Any]) -> frozenset[str] | None:
    """The members of a class with secrets that may be shown; ``None`` for a class without secrets."""
    names = frozenset(wire_name(field.name) for field in attrs.fields(cls))
    public = frozenset(name for name in names if not is_secret_name(name))
    return None if public == names else public


def _problems(
    error: BaseException,
    location: tuple[str | int, ...],
    value: Any,  # noqa: ANN401 - any JSON value
    public: Container[str] | None,
) -> Iterator[Problem]:
    """Walk cattrs' tree of exceptions beside the input that caused them."""
    if isinstance(error, Fault):
        shown = MASK if _is_secret(location, value) else echo(value, public)
        place = (*location, *error.within)
        yield Problem(type=error.type, location=place, message=error.message, input=shown, context=error.context)
    elif isinstance(error, KeyError):
        shown = None if location[0] == "query" else echo(value, public)  # as FastAPI has it
        yield Problem(type="missing", location=location, message="Field required", input=shown)
    elif isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            step = _step_of(inner)
            missing = isinstance(inner, KeyError)
            yield from _problems(inner, (*location, step), value if missing else value[step], public)
    else:
        raise error


def _is_secret(location: tuple[str | int, ...], value: object) -> bool:
    """Whether an input is a secret.

    A body that was not parsed (a form, say) is one text, in which a secret cannot be told from the rest.
    """
    if location == ("body",):
        return isinstance(value, str) and names_a_secret(value)
    return any(isinstance(step, str) and is_secret_name(step) for step in location[1:])


def _step_of(error: BaseException) -> str | int:
    """The field or index that cattrs noted on the exception."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return wire_name(note.name)
        if isinstance(note, IterableValidationNote):
            return int(note.index)
    raise error


def _strict(type_: type, name: str, message: str) -> Hook:
    def structure(value: Any, _: Any) -> Any:  # noqa: ANN401 - any JSON value
        if type(value) is not type_:
            raise Fault(name, message)
        return value

    return structure


def _string(value: Any, _: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        raise Fault("string_type", "Input should be a valid string")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Fault("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string")
    return value


def _integer(value: Any, _: Any) -> int:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _integer_in(value, int)
    if isinstance(value, float) and not value.is_integer():  # infinities and NaN are none either
        raise Fault("int_from_float", "Input should be a valid integer, got a number with a fractional part")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("int_type", "Input should be a valid integer")
    return int(value)


def _number(value: Any, _: Any) -> float:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise Fault("float_parsing", "Input should be a valid number, unable to parse string as a number")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("float_type", "Input should be a valid number")
    if (isinstance(value, int) and abs(value) > 2**63) or not math.isfinite(value):
        raise Fault("finite_number", "Input should be a finite number")
    return float(value)


def _integer_in(value: Any, _: Any) -> int:  # noqa: ANN401 - text in practice
    match = _INTEGER.fullmatch(value)
    if match is None:
        raise Fault("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
    if len(value) > _MOST_DIGITS:
        raise Fault("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size")
    return int(match[1])


def _boolean_in(value: Any, _: Any) -> bool:  # noqa: ANN401 - text in practice
    found = _BOOLEANS.get(value.lower())
    if found is None:
        raise Fault("bool_parsing", "Input should be a valid boolean, unable to interpret input")
    return found


def _enum_hook(cls: type[Enum], _: Converter) -> Hook:
    expected = " or ".join(repr(member.value) for member in cls)

    def structure(value: Any, _: Any) -> Enum:  # noqa: ANN401 - any JSON value
        for member in cls:
            if type(value) is type(member.value) and value == member.value:
                return member
        raise Fault("enum", f"Input should be {expected}", {"expected": expected})

    return structure


def _object_hook(cls: type[Any], converter: Converter) -> Hook:
    renamed: Any = {
        field.name: override(rename=wire_name(field.name))
        for field in attrs.fields(cls)
        if wire_name(field.name) != field.name
    }
    structure_fields = make_dict_structure_fn(
        cls, converter, _cattrs_detailed_validation=converter.detailed_validation, **renamed
    )

    def structure(value: Any, _: Any) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(value, Mapping):
            message = "Input should be a valid dictionary or object to extract fields from"
            raise Fault("model_attributes_type", message)
        return structure_fields(value, cls)

    return structure


def _list_hook(type_: Any, converter: Converter) -> Hook:  # noqa: ANN401 - a form of tuple[X, ...]
    items = GenericAlias(list, get_args(type_)[:1])
    structure_items = converter.get_structure_hook(items)

    def structure(value: Any, _: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any JSON value
        if not isinstance(value, list):
            raise Fault("list_type", "Input should be a valid list")
        return tuple(structure_items(value, items))

    return structure


def _ruled_hook(type_: Any, converter: Converter) -> Hook:  # noqa: ANN401 - a form of Annotated[X, ...]
    base, *metadata = get_args(type_)
    structure_base = converter.get_structure_hook(base)
    rules = [rule for rule in metadata if isinstance(rule, Rule)]

    def structure(value: Any, _: Any) -> Any:  # noqa: ANN401 - any JSON value
        structured = structure_base(value, base)
        for rule in rules:
            structured = rule.apply(structured)
        return structured

    return structure


def _is_tuple(type_: Any) -> bool:  # noqa: ANN401 - any annotation
    return get_origin(type_) is tuple


def _is_dict(type_: Any) -> bool:  # noqa: ANN401 - any annotation
    """Whether a type is a plain object of any members; objects with fixed members are attrs classes."""
    return get_origin(type_) is dict


def _is_annotated(type_: Any) -> bool:  # noqa: ANN401 - any annotation
    return get_origin(type_) is Annotated


def _is_enum(type_: Any) -> bool:  # noqa: ANN401 - any annotation
    return isinstance(type_, type) and issubclass(type_, Enum)


def _converter(*, detailed: bool = True) -> Converter:
    converter = Converter(detailed_validation=detailed)
    converter.register_structure_hook_factory(attrs.has, _object_hook)
    converter.register_structure_hook_factory(_is_tuple, _list_hook)
    converter.register_structure_hook_factory(_is_annotated, _ruled_hook)
    converter.register_structure_hook_factory(_is_enum, _enum_hook)
    converter.register_structure_hook(str, _string)
    converter.register_unstructure_hook(datetime, _time)
    return converter


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(*, detailed: bool = True) -> Converter:
    converter = _converter(detailed=detailed)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _strict(bool, "bool_type", "Input should be a valid boolean"))
    converter.register_structure_hook_func(_is_dict, _strict(dict, "dict_type", "Input should be a valid dictionary"))
    return converter


def _query() -> Converter:
    converter = _converter()
    converter.register_structure_hook(int, _integer_in)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _boolean_in)
    converter.register_structure_hook(Moment, lambda text, _: moment_in(text))
    converter.register_structure_hook(Filter, lambda text, _: filter_in(text))
    converter.register_structure_hook(Cursor, lambda text, _: cursor_from(text))
    return converter


def _arguments() -> Converter:
    converter = _json()
    converter.register_structure_hook(Moment, lambda value, _: moment_in(_string(value, str)))
    converter.register_structure_hook(Filter, lambda value, _: filter_in(_string(value, str)))
    return converter


_json_converter = _json()
_brief_converter = _json(detailed=False)
_query_converter = _query()
_argument_converter = _arguments()
