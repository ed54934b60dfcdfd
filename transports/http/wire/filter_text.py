"""Filters in bodies, which are kept as they were written."""

from typing import Any

from transports.http.framework.rules import Rule
from transports.http.wire.filters import MOST_CHARACTERS, filter_in


class FilterText(Rule):
    """A text of the filter language. A ``Fault`` at its column for any other."""

    def apply(self, value: str) -> str:
        return filter_in(value).text

    def schema(self) -> dict[str, Any]:
        return {"maxLength": MOST_CHARACTERS}
