"""The benchmark of the console on a small scale: everything in its table is measured in a real browser."""

import pytest

from scripts.bench_console import main, measures
from tests.console.stage import executable

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]


def test_everything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    executable()  # skips, or fails where there has to be one
    code = main(["--stored", "2000", "--large", "500", "600", "--runs", "1"])
    out = capsys.readouterr().out
    assert code == 0, out
    rows = [line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("| ")][1:]
    assert [name for name, _ in rows] == list(measures((500, 600)))
    assert all(float(value.replace(",", "")) > 0 for _, value in rows), out
