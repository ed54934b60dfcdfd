"""What is wrong with a statement, and where."""

from typing import Any, Final, Literal, TypeAlias

from actors.errors import InvalidRequest, Problem

FaultType: TypeAlias = Literal["sql_error", "sql_forbidden"]
_UNKNOWN: Final = 2**64 - 1  # how DuckDB says that something stands nowhere in the statement


def fault(type_: FaultType, message: str, column: int = 1) -> InvalidRequest:
    """To be raised. ``column`` is the number of the character, from 1; the message names it, too."""
    text = f"Column {column}: {message}"
    return InvalidRequest(text, (Problem(type=type_, location=("body", "sql", column), message=text),))


def column_of(sql: str, at: Any) -> int:  # noqa: ANN401 - a number of bytes, as DuckDB writes it
    """The number of the character at a number of bytes; 1 where it is not known."""
    place = int(at) if isinstance(at, int | str) and str(at).isdecimal() else _UNKNOWN
    encoded = sql.encode()
    return 1 if place > len(encoded) else len(encoded[:place].decode(errors="ignore")) + 1
