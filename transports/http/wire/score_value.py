"""Values of scores, which are numbers or texts."""

from typing import Any

import attrs

from actors.scores.messages import MOST_NUMBER, MOST_TEXT
from transports.http.framework.rules import Fault, MaxLength, NotBlank, Rule

_TEXT = (NotBlank("A value is not blank"), MaxLength(MOST_TEXT))


@attrs.frozen
class ScoreValue(Rule):
    """A finite number, or a text that is not blank."""

    def apply(self, value: Any) -> float | str:  # noqa: ANN401 - any JSON value
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Fault("score_value", "Input should be a number or a text")
        if not -MOST_NUMBER <= value <= MOST_NUMBER:  # NaN is not, either
            raise Fault("finite_number", f"Input should be a finite number, {MOST_NUMBER:g} at most")
        return float(value)

    def schema(self) -> dict[str, Any]:
        text: dict[str, Any] = {"type": "string"}
        for rule in _TEXT:
            text |= rule.schema()
        return {"anyOf": [{"type": "number", "minimum": -MOST_NUMBER, "maximum": MOST_NUMBER}, text]}


def _text(value: str) -> str:
    for rule in _TEXT:
        rule.apply(value)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Fault("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string")
    return value
