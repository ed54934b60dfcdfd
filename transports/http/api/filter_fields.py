"""Route of what can be named in a filter."""

from typing import Any, Final

import attrs

from actors.span_store.query.language.fields import FIELDS, PREFIXES, FilterField, Kind
from transports.http.framework.route import Access, Call, Route, described

_ALIASES: Final = ["duration"]
_OPERATORS: Final = [":", ":>", ":>=", ":<", ":<="]
_FIELD: Final[dict[str, Any]] = {
    "name": "duration_ns",
    "aliases": _ALIASES,
    "kind": "duration",
    "operators": _OPERATORS,
    "values": None,
    "description": "From start to end; a span that runs has none",
}


@attrs.frozen(kw_only=True)
class FieldAnswer:
    """A field of spans, as filters name it."""

    name: str = attrs.field(metadata=described("Its name, that of the member of a span", "duration_ns"))
    aliases: list[str] = attrs.field(metadata=described("Other names that it has", _ALIASES))
    kind: Kind = attrs.field(metadata=described("What its values are, and so how they are written", "duration"))
    operators: list[str] = attrs.field(metadata=described("What stands between it and a value", _OPERATORS))
    values: list[str] | None = attrs.field(metadata=described("All values that it may have; null for any", None))
    description: str = attrs.field(metadata=described("What it says of a span", _FIELD["description"]))


@attrs.frozen(kw_only=True)
class FieldsAnswer:
    """All that a filter can name."""

    fields: list[FieldAnswer] = attrs.field(metadata=described("The fields", [_FIELD]))
    prefixes: list[str] = attrs.field(metadata=described("Each stands before a dot and any key", list(PREFIXES)))


async def get_filter_fields(_: Call[None, None]) -> FieldsAnswer:
    return FieldsAnswer(fields=[_answer(field) for field in FIELDS], prefixes=list(PREFIXES))


def _answer(field: FilterField) -> FieldAnswer:
    return FieldAnswer(
        name=field.name,
        aliases=list(field.aliases),
        kind=field.kind,
        operators=list(field.operators),
        values=None if field.values is None else list(field.values),
        description=field.description,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/fields",
        handler=get_filter_fields,
        access=Access.SESSION_OR_READ_KEY,
        only_known=True,
        tag="observability",
        summary="Get the fields that filters can name",
        answers=FieldsAnswer,
    ),
)
