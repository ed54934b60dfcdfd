"""By which restatement of prices the costs of each segment are. A restatement that was cut short goes on from there."""

from collections.abc import Sequence

import attrs
import duckdb

from actors.span_store.pricing.own_price import OwnPrices


@attrs.frozen
class OutdatedCosts:
    """A segment whose costs of calls that start at ``since`` or later are to be computed anew."""

    segment: int
    since: int


def outdated_costs(connection: duckdb.DuckDBPyConnection, own: OwnPrices) -> list[OutdatedCosts]:
    """The segments with spans that restatements are about, the latest first."""
    rows = connection.execute(
        "SELECT segment, coalesce(restated, 0), last_start_time_unix_nano FROM segment "
        "WHERE coalesce(restated, 0) < ? ORDER BY first_seq DESC",
        [own.revision],
    ).fetchall()
    found = ((segment, own.restated_since(revision), last) for segment, revision, last in rows)
    return [OutdatedCosts(segment, since) for segment, since, last in found if since is not None and since <= last]


def restated_up_to(connection: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> int:
    """The revision that all of these segments have reached."""
    [(revision,)] = connection.execute(
        "SELECT coalesce(min(coalesce(restated, 0)), 0) FROM segment WHERE segment IN (SELECT unnest(?::UINTEGER[]))",
        [list(segments)],
    ).fetchall()
    return int(revision)


def record_restated(connection: duckdb.DuckDBPyConnection, segment: int, revision: int) -> None:
    """The costs of the segment are by this revision."""
    connection.execute("UPDATE segment SET restated = ? WHERE segment = ?", [revision, segment])


def expect_remap(connection: duckdb.DuckDBPyConnection, segment: int) -> None:
    """Let the background derive the columns of the segment anew, and with them its costs."""
    connection.execute("UPDATE segment SET conventions = NULL WHERE segment = ?", [segment])
