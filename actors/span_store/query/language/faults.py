"""What is wrong with a filter, and where."""

from typing import Literal, TypeAlias

FaultType: TypeAlias = Literal["query_syntax", "query_field", "query_value"]


class FilterFault(ValueError):
    """A text that is no filter. ``column`` is the number of the character, from 1; the message names it, too."""

    def __init__(self, type_: FaultType, column: int, message: str) -> None:
        super().__init__(f"Column {column}: {message}")
        self.type = type_
        self.column = column
        self.message = f"Column {column}: {message}"
