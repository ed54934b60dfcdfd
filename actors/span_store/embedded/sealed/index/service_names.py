"""Names of services in some segments, by their length in bytes: DuckDB has not the memory for all of a flood."""

from collections.abc import Sequence

import duckdb

_LENGTHS = """
    SELECT strlen(service_name) AS size, count(DISTINCT hash(service_name)) FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND size <= ? GROUP BY size ORDER BY size
"""
_SHORTER = """
    SELECT DISTINCT service_name FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) < ?
"""
_SOME_LONGER = """
    SELECT 1 FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) > ? LIMIT 1
"""
_SOME_OF_LENGTH = """
    SELECT service_name FROM segment_service
    WHERE span_count > 0 AND segment IN (SELECT unnest(?::UINTEGER[])) AND strlen(service_name) = ? LIMIT ?
"""


def name_lengths(connection: duckdb.DuckDBPyConnection, segments: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Lengths up to ``most``, ascending, and how many different names have each."""
    return connection.execute(_LENGTHS, [segments, most]).fetchall()


def shorter_names(connection: duckdb.DuckDBPyConnection, segments: Sequence[int], length: int) -> list[str]:
    """All names that are shorter."""
    return [name for (name,) in connection.execute(_SHORTER, [segments, length]).fetchall()]


def names_of_length(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[int], length: int, limit: int
) -> list[str]:
    """Some names of this length, each perhaps several times."""
    return [name for (name,) in connection.execute(_SOME_OF_LENGTH, [segments, length, limit]).fetchall()]


def has_longer_names(connection: duckdb.DuckDBPyConnection, segments: Sequence[int], length: int) -> bool:
    return bool(connection.execute(_SOME_LONGER, [segments, length]).fetchall())
