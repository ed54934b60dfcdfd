"""Beginnings of prices in bodies: RFC 3339, or relative to now."""

from typing import Any

from transports.http.framework.rules import Fault, Rule
from transports.http.wire.moments import moment_in

_END = 2**63  # Unix nanoseconds, in the year 2262


def valid_from_in(text: str) -> int:
    """Parse a time as ``moment_in`` does, to Unix nanoseconds. A ``Fault`` for any other text, and from 2262 on."""
    unix_nano = moment_in(text).unix_nano
    if unix_nano >= _END:
        raise Fault("time_parsing", "Input should be a time before the year 2262")
    return unix_nano


class ValidFrom(Rule):
    """A text that ``valid_from_in`` can parse."""

    def apply(self, value: str) -> str:
        valid_from_in(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": "^now(-[0-9]{1,9}[smhdw])?$"},
            ]
        }
