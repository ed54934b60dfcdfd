"""Which fields a filter names, and what says the same as they do."""

from collections.abc import Iterable, Iterator

from actors.span_store.columns.conventions import COLUMNS
from actors.span_store.columns.rows import RESOURCE_COLUMNS
from actors.span_store.query.expression import (
    And,
    Argument,
    Attribute,
    Expression,
    Field,
    Numeric,
    Or,
    Promoted,
    Resource,
    leaves,
    normal_form,
)
from actors.span_store.query.language.fields import FIELDS

_OF_RESOURCES = {**RESOURCE_COLUMNS, "service_name": ("service.name",)}
# Names that say the same: those of a field, and of all attributes that may fill it as a whole.
_TOGETHER: list[set[str]] = [
    {
        field.name,
        *(
            f"attr.{source.key}"
            for column in COLUMNS
            if column.name == field.column.name
            for source in column.sources
            if not source.path
        ),
        *(f"resource.{key}" for key in _OF_RESOURCES.get(field.column.name, ())),
    }
    for field in FIELDS
]
_OF_COLUMN = {field.column.name: field.name for field in FIELDS}


def named_by_one(one: Expression, other: Expression) -> frozenset[str]:
    """Fields that one of the filters compares as the other one does not, and all that says the same."""
    different = set(_conditions(normal_form(one))) ^ set(_conditions(normal_form(other)))
    names = {name for each in different for leaf in leaves(each) for name in _names(leaf.field)}
    return frozenset(names | _same(names))


def _conditions(expression: Expression) -> Iterator[Expression]:
    """Comparisons, and what is denied of them."""
    if not isinstance(expression, And | Or):
        yield expression
        return
    for member in expression.members:
        yield from _conditions(member)


def _names(field: Field) -> Iterator[str]:
    match field:
        case Numeric(of):
            yield from _names(of)
        case Promoted(name) if name in _OF_COLUMN:
            yield _OF_COLUMN[name]
        case Attribute(key) | Argument(key):
            yield f"attr.{key}"
        case Resource(key):
            yield f"resource.{key}"


def _same(names: Iterable[str]) -> set[str]:
    wanted = set(names)
    return {each for together in _TOGETHER if wanted & together for each in together}
