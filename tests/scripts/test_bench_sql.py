"""The benchmark of SQL on a small scale: every statement finds as many rows as plain DuckDB does."""

import pytest

from scripts.bench_sql import STATEMENTS, main

pytestmark = pytest.mark.integration


def test_every_statement_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--stored", "20000", "--times", "1", "--rest", "0"])
    out = capsys.readouterr().out
    assert code == 0, out
    rows = [line.split(" | ")[0].removeprefix("| ") for line in out.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(STATEMENTS)
