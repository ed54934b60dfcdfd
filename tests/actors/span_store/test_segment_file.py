"""Sealed files: every row readable by its position, traces together, also for other tools."""

import errno
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.sealed.segment_file import (
    ROOT_GROUP,
    ROW_GROUP,
    Runs,
    Written,
    checksum,
    encoded,
    read_rows,
    reading_order,
    write_segment,
)
from actors.span_store.embedded.sealed.trace_bloom import TraceBloom
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation, refusal
from tests.spans import START, span

pytestmark = pytest.mark.unit


def shuffled(traces: int, each: int) -> pa.Table:
    spans = [
        span(
            number,
            trace_id=trace,
            parent=1 if number > 1 else None,
            start=START + trace * 1000 + number,
            service="odd" if trace % 2 else "even",
            attributes={"n": number},
        )
        for trace in range(1, traces + 1)
        for number in range(1, each + 1)
    ]
    random.Random(1).shuffle(spans)
    return pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])


def write_in_order(path: Path, rows: pa.Table) -> None:
    write_segment(path, encoded(rows).content)


def test_roots_lie_together_by_service_and_the_others_by_trace_in_the_order_of_their_start() -> None:
    rows = shuffled(20, 5)
    ordered: Untold = rows.take(reading_order(rows))
    numbers = [int(trace_id, 16) for trace_id in ordered["trace_id"].to_pylist()]
    assert numbers[:20] == [*range(2, 21, 2), *range(1, 21, 2)]
    assert ordered["parent_span_id"].null_count == ordered["parent_span_id"][:20].null_count == 20
    assert numbers[20:] == [trace for trace in range(1, 21) for _ in range(4)]
    starts = ordered["start_time_unix_nano"].to_pylist()[20:]
    assert starts == sorted(starts)


def test_rows_come_back_by_position_in_the_order_asked(tmp_path: Path) -> None:
    rows = shuffled(ROW_GROUP // 2, 5)
    order = reading_order(rows)
    path = tmp_path / "1.parquet"
    assert write_segment(path, encoded(rows).content) == Written(path.stat().st_size, checksum(path))
    roots = ROW_GROUP // 2
    assert 0 < ROOT_GROUP <= roots
    positions = [rows.num_rows - 1, 0, ROOT_GROUP - 1, roots - 1, roots, ROW_GROUP, ROW_GROUP - 1, 7, roots + ROW_GROUP]
    columns = ["seq", "attributes"]
    assert read_rows(path, positions, columns) == rows.select(columns).take(order).take(positions)


def test_many_threads_read_the_same_file_at_once(tmp_path: Path) -> None:
    rows = shuffled(ROW_GROUP // 2, 5)
    path = tmp_path / "1.parquet"
    order = reading_order(rows)
    write_segment(path, encoded(rows).content)
    positions = list(range(0, rows.num_rows, 97))
    expected = rows.take(order).take(positions)
    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(lambda _: read_rows(path, positions, rows.column_names), range(40)))
    assert all(each == expected for each in found)


def test_nothing_unfinished_stays(tmp_path: Path) -> None:
    write_in_order(tmp_path / "1.parquet", shuffled(2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["1.parquet"]


@pytest.mark.parametrize("operation", [Operation.OPEN, Operation.WRITE, Operation.SYNC])
def test_a_disk_without_room_keeps_no_part_of_a_file(tmp_path: Path, operation: Operation) -> None:
    disk = FaultyDisk(Fault(operation, before=refusal(errno.ENOSPC), is_short=operation is Operation.WRITE))
    with pytest.raises(OSError, match="No space left"):
        write_segment(tmp_path / "1.parquet", encoded(shuffled(2, 2)).content, disk)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_flipped_bit_is_an_error_and_no_other_value(tmp_path: Path, place: float) -> None:
    path = tmp_path / "1.parquet"
    spans = [span(n, trace_id=n, attributes={"noise": random.Random(n).randbytes(2000).hex()}) for n in range(1, 200)]
    rows = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    write_in_order(path, rows)
    damage(path, int(path.stat().st_size * place))
    with pytest.raises(OSError, match=r"CRC|deserialize"):
        read_rows(path, range(rows.num_rows), rows.column_names)


def damage(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_plain_duckdb_reads_a_segment(tmp_path: Path) -> None:
    write_in_order(tmp_path / "1.parquet", shuffled(3, 4))
    with duckdb.connect() as connection:
        query = f"SELECT count(*), sum(attributes['n'].json::INT) FROM '{tmp_path}/1.parquet'"
        assert connection.execute(query).fetchall() == [(12, 30)]


def test_the_filter_knows_what_was_added_and_hardly_anything_else() -> None:
    chance = random.Random(2)
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(4000)]
    known, others = ids[:2000], ids[2000:]
    traces = TraceBloom()
    traces.add(known)
    assert all(trace_id in traces for trace_id in known)
    assert sum(trace_id in traces for trace_id in others) < 3


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize("kind", ["ascending", "runs", "at random"])
def test_runs_are_taken_as_arrow_takes_them(pieces: int, kind: str) -> None:
    spans = [span(n, trace_id=n, attributes={"number": n, "text": "x" * (n % 7)}) for n in range(1, 101)]
    whole = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    size = max(1, len(spans) // pieces)
    column = pa.concat_tables([whole.slice(begin, size) for begin in range(0, len(spans), size)])["attributes"]
    places = list(range(100))
    match kind:
        case "runs":
            places = [*range(40, 90), *range(5, 41), 99, *range(95)]
        case "at random":
            random.Random(1).shuffle(places)
    for some in (places, places[:1], places[3:50]):
        assert Runs(column).take(pa.array(some, pa.uint64())) == whole["attributes"].take(some).combine_chunks()


@pytest.mark.parametrize(("messages", "compression"), [(1, "UNCOMPRESSED"), (300, "ZSTD")])
def test_zstd_is_asked_where_it_leaves_a_part(tmp_path: Path, messages: int, compression: str) -> None:
    spans = [span(n, trace_id=n, status_message=f"the disk said {n % messages:040d}") for n in range(1, 301)]
    path = tmp_path / "1.parquet"
    write_segment(path, encoded(pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])).content)
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert {each.path_in_schema: each.compression for each in columns}["status_message"] == compression
    assert [each["status_message"] for each in read_rows(path, [0, 299], ["status_message"]).to_pylist()] == [
        spans[0].status_message,
        spans[299].status_message,
    ]
