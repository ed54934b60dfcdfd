"""The benchmark of queries on a small scale: every read is answered, and the same is asked of DuckDB."""

import pytest

from scripts.bench_queries import kinds, main

pytestmark = pytest.mark.integration


def test_every_kind_of_read_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--stored", "20000", "--rate", "1000", "--alone", "0.2", "--reads", "1", "--duckdb-reads", "1"]
    code = main(small)
    out = capsys.readouterr().out
    assert code == 0, out
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows[1:]] == [each.name for each in kinds()]
    of_studio_and_duckdb = [line.strip("| ").split(" | ")[:8] for line in rows]
    assert all(cell.strip() for cells in of_studio_and_duckdb for cell in cells), out
