"""The DuckDB file of the index: its space is given back, and its lists are those of memory."""

import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from actors.span_store.columns.rows import INDEX_COLUMNS, numbered, rows_of
from actors.span_store.columns.spans import span_columns
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.reads.row_location import behind
from actors.span_store.embedded.sealed import index
from actors.span_store.messages import Cursor
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import (
    And,
    Arrival,
    Between,
    Equals,
    Expression,
    Not,
    OneOf,
    Or,
    Promoted,
    equal,
    started_between,
)
from actors.span_store.query.position import Position
from actors.span_store.query.sql import condition
from tests.actors.span_store.stage import add_segment
from tests.spans import START, span

pytestmark = pytest.mark.unit


def used_blocks(connection: duckdb.DuckDBPyConnection) -> int:
    [(blocks,)] = connection.execute("SELECT used_blocks FROM pragma_database_size()").fetchall()
    return int(blocks)


@pytest.mark.parametrize("checkpoint_between", [False, True])
def test_space_comes_back_after_deletions(tmp_path: Path, checkpoint_between: bool) -> None:
    """Also when DuckDB has moved the deletion from its log into the file before, by itself."""
    connection = index.open_index(tmp_path / "traces.duckdb")
    connection.execute("CREATE TABLE much AS SELECT i, md5(i::VARCHAR) AS text FROM range(500000) numbers(i)")
    connection.execute("CREATE TABLE other (i INTEGER)")
    index.give_space_back(connection)
    before = used_blocks(connection)
    connection.execute("DELETE FROM much WHERE i % 10 <> 0")
    if checkpoint_between:
        connection.execute("CHECKPOINT")
        assert used_blocks(connection) == before
    connection.execute("INSERT INTO other VALUES (1)")
    index.give_space_back(connection)
    assert used_blocks(connection) < before / 2
    connection.close()


@pytest.mark.parametrize("after", [None, Cursor(position=Position(60), start_time_unix_nano=START + 5)])
@pytest.mark.parametrize(
    "columns",
    [
        {"service_name": "often"},
        {"service_name": "seldom", "parent_span_id": None},
        {"service_name": "often", "junjo_span_type": "workflow"},
        {"trace_id": f"{3:032x}", "span_id": f"{7:016x}"},
    ],
)
def test_memory_and_index_find_the_same(tmp_path: Path, columns: dict[str, str | None], after: Cursor | None) -> None:
    chance = random.Random(3)
    spans = [
        span(
            number,
            trace_id=chance.randrange(1, 5),
            parent=chance.choice([None, 1]),
            service=chance.choice(["often", "often", "seldom"]),
            start=START + chance.randrange(10),
            attributes=chance.choice([{}, {"junjo.span_type": "workflow"}, {"junjo.span_type": "node"}]),
        )
        for number in range(1, 121)
    ]
    rows = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    wanted = And([equal(**columns), behind(after)])
    made = condition(wanted, frozenset(INDEX_COLUMNS))
    connection = duckdb.connect()
    connection.register("span", rows.select(INDEX_COLUMNS))
    found = connection.execute(f"SELECT seq FROM span WHERE {made.text} ORDER BY seq", made.parameters).fetchall()
    assert ArrowFilter(wanted).rows(rows)["seq"].to_pylist() == [seq for (seq,) in found]


@pytest.mark.parametrize(
    ("expression", "segments"),
    [
        (And(), [1, 2, 3, 4]),
        (Or(), []),
        (equal(service_name="red"), [1, 3]),
        (equal(service_name="green", trace_id=f"{3:032x}"), []),
        (OneOf(Promoted("trace_id"), [f"{2:032x}", f"{4:032x}", "no id", ""]), [2, 4]),
        (equal(trace_id="no id"), []),
        (Or([equal(trace_id=f"{1:032x}"), equal(trace_id=f"{4:032x}")]), [1, 4]),
        (Or([equal(trace_id=f"{1:032x}"), equal(service_name="green")]), [1, 2, 3, 4]),  # as one reach has both
        (started_between(START + 2, START + 4), [2, 3]),
        (started_between(2**64 - 1, None), []),
        (Between(Arrival(), 101, 301), [1, 2, 3]),
        (Between(Arrival(), high=100), []),
        (Equals(Arrival(), 400), [4]),
        (Equals(Arrival(), "400"), []),
        (And([started_between(START, None), Between(Arrival(), low=300), equal(service_name="red")]), [3]),
        (Not(equal(service_name="red")), [1, 2, 3, 4]),
    ],
)
def test_segments_that_may_have_any_are_found_by_an_expression(
    tmp_path: Path, expression: Expression, segments: list[int]
) -> None:
    """The one with number ``n`` has two spans, from 100 n on, of trace n, which starts n after the first."""
    folders = Folders(tmp_path / "traces.duckdb")
    with index.open_index(folders.index) as connection:
        folders.make()
        for number in (3, 1, 2, 4):
            made = [
                span(2 * number + each, trace_id=number, start=START + number, service="red" if number % 2 else "green")
                for each in (0, 1)
            ]
            add_segment(connection, folders.segments, number, *made)
        found = index.indexed_segments(connection, expression)
        assert [each.segment for each in found] == segments
        assert [(each.first_seq, each.last_seq) for each in found] == [(100 * n, 100 * n + 1) for n in segments]
        assert index.indexed_segments(connection, expression, limit=1) == found[:1]


@pytest.mark.security
@pytest.mark.parametrize(
    "statement", ["SELECT * FROM read_text('{0}')", "ATTACH '{0}'", "COPY span TO '{0}'", "LOAD httpfs"]
)
def test_nothing_outside_the_file_can_be_reached_from_it(tmp_path: Path, statement: str) -> None:
    """A file that somebody else made may have a view in place of a table."""
    other = tmp_path / "other"
    other.write_text("")
    connection = index.open_index(tmp_path / "traces.duckdb")
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(other))
    connection.close()
