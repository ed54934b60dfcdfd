"""Validation rules for single values, in the annotation of a field: ``name: Annotated[str, NotBlank(...)]``.

Each rule checks a value and states its demand in JSON Schema, so that validation and document cannot differ. The texts
are pydantic's, or the ones that the front end's users already know (contract, section 1).
"""

import re
from abc import ABC, abstractmethod
from typing import Any

import attrs
from email_validator import EmailNotValidError, validate_email

# pydantic's limit, checked before the address is parsed.
_LONGEST_EMAIL = 2048
# "Name <address>" as pydantic's EmailStr accepts it (pydantic.networks._build_pretty_email_regex).
_NAME_CHARACTERS = r"[\w!#$%&\'*+\-/=?^_`{|}~]"
_DISPLAY_FORM = re.compile(
    rf'\s*(?:((?:{_NAME_CHARACTERS}+\s+)*{_NAME_CHARACTERS}+)|"((?:[^"]|\")+)")?\s*<(?P<address>.+)>\s*'
)


class Fault(Exception):
    """An invalid value: ``type``, ``msg`` and ``ctx`` of a 422 item. ``within`` says where in the value."""

    def __init__(
        self, type_: str, message: str, context: dict[str, Any] | None = None, within: tuple[int, ...] = ()
    ) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.context = context
        self.within = within


class Rule(ABC):
    """A condition on a value of the right type."""

    @abstractmethod
    def apply(self, value: Any) -> Any:  # noqa: ANN401 - the annotation beside the rule says the type
        """Return the value, normalised where the rule does that, or raise a ``Fault``."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The rule in JSON Schema."""


@attrs.frozen
class MinLength(Rule):
    """A text of at least ``length`` characters."""

    length: int
    message: str

    def apply(self, value: str) -> str:
        if len(value) < self.length:
            context = {"min_length": self.length, "actual_length": len(value)}
            raise Fault("string_too_short", self.message, context)
        return value

    def schema(self) -> dict[str, Any]:
        return {"minLength": self.length}


@attrs.frozen
class MaxLength(Rule):
    """A text of at most ``length`` characters."""

    length: int

    def apply(self, value: str) -> str:
        if len(value) > self.length:
            message = f"String should have at most {self.length} characters"
            raise Fault("string_too_long", message, {"max_length": self.length})
        return value

    def schema(self) -> dict[str, Any]:
        return {"maxLength": self.length}


@attrs.frozen
class NotBlank(Rule):
    """A text with more than white space; the value stays untrimmed."""

    message: str

    def apply(self, value: str) -> str:
        if not value.strip():
            raise Fault("string_too_short", self.message, {})
        return value

    def schema(self) -> dict[str, Any]:
        return {"minLength": 1, "pattern": r"\S"}


@attrs.frozen
class Between(Rule):
    """A number between two bounds, both included. The bounds of a float are floats."""

    least: float
    most: float

    def apply(self, value: float) -> float:
        if value < self.least:
            message = f"Input should be greater than or equal to {_shown(self.least)}"
            raise Fault("greater_than_equal", message, {"ge": self.least})
        if value > self.most:
            message = f"Input should be less than or equal to {_shown(self.most)}"
            raise Fault("less_than_equal", message, {"le": self.most})
        return value

    def schema(self) -> dict[str, Any]:
        return {"minimum": self.least, "maximum": self.most}


@attrs.frozen
class Above(Rule):
    """An integer greater than a bound."""

    bound: int

    def apply(self, value: int) -> int:
        if value <= self.bound:
            raise Fault("greater_than", f"Input should be greater than {self.bound}", {"gt": self.bound})
        return value

    def schema(self) -> dict[str, Any]:
        return {"exclusiveMinimum": self.bound}


@attrs.frozen
class Pattern(Rule):
    """A text that matches ``form``. ``also`` is a second form that is allowed, and appears in no message."""

    form: str
    also: str | None = None

    def apply(self, value: str) -> str:
        if not any(form and re.fullmatch(form, value) for form in (self.form, self.also)):
            raise Fault("string_pattern_mismatch", f"String should match pattern '{self.form}'", {"pattern": self.form})
        return value

    def schema(self) -> dict[str, Any]:
        return {} if self.also else {"pattern": self.form}


@attrs.frozen
class HexId(Rule):
    """The id of a trace or span in hex of either case, normalised to lower case."""

    digits: int

    def apply(self, value: str) -> str:
        if re.fullmatch(f"[0-9a-fA-F]{{{self.digits}}}", value) is None:
            raise Fault("id_pattern", f"Input should be {self.digits} hex digits")
        return value.lower()

    def schema(self) -> dict[str, Any]:
        return {"pattern": f"^[0-9a-fA-F]{{{self.digits}}}$"}


@attrs.frozen
class MostItems(Rule):
    """A list of at most ``most`` items."""

    most: int

    def apply(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(value) > self.most:
            message = f"List should have at most {self.most} items after validation, not {len(value)}"
            context = {"field_type": "List", "max_length": self.most, "actual_length": len(value)}
            raise Fault("too_long", message, context)
        return value

    def schema(self) -> dict[str, Any]:
        return {"maxItems": self.most}


@attrs.frozen
class MostLevels(Rule):
    """An object nested at most ``most`` levels deep, so that every JSON reader and writer can hold it."""

    most: int

    def apply(self, value: dict[str, Any]) -> dict[str, Any]:
        if not _is_within(value, self.most):
            message = f"Object should be nested at most {self.most} levels deep"
            raise Fault("too_deep", message, {"max_levels": self.most})
        return value

    def schema(self) -> dict[str, Any]:
        return {}  # JSON Schema has no word for it


@attrs.frozen
class NotEmpty(Rule):
    """A list with at least one item."""

    def apply(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            context = {"field_type": "List", "min_length": 1, "actual_length": 0}
            raise Fault("too_short", "List should have at least 1 item after validation, not 0", context)
        return value

    def schema(self) -> dict[str, Any]:
        return {"minItems": 1}


@attrs.frozen
class EmailAddress(Rule):
    """The syntax of an e-mail address, without DNS, as pydantic's EmailStr checks and normalises it.

    Surrounding spaces and a display name are dropped and the domain is lower-cased; the local part keeps its case.
    """

    def apply(self, value: str) -> str:
        if len(value) > _LONGEST_EMAIL:
            raise _not_an_email(f"Length must not exceed {_LONGEST_EMAIL} characters")
        display_form = _DISPLAY_FORM.fullmatch(value)
        address = display_form["address"] if display_form else value
        try:
            return validate_email(address.strip(), check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise _not_an_email(str(error)) from None

    def schema(self) -> dict[str, Any]:
        return {"format": "email"}


def _is_within(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_within(item, levels - 1) for item in inner)


def _shown(bound: float) -> str:
    """Format a bound as pydantic does in its texts: without the zero behind the point."""
    return str(int(bound) if bound == int(bound) else bound)


def _not_an_email(reason: str) -> Fault:
    return Fault("value_error", f"value is not a valid email address: {reason}", {"reason": reason})
