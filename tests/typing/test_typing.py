"""The types of messages are checked: a line of the cases marked ``# E: code`` is that error, and no other line is."""

import re
from pathlib import Path

import pytest
from mypy import api

pytestmark = pytest.mark.unit

CASES = Path(__file__).parent / "cases"
PROJECT = Path(__file__).parents[2]

Faults = dict[tuple[str, int], set[str]]  # error codes by file and line


def expected(case: Path) -> Faults:
    marked = ((number, line.partition("# E: ")[2]) for number, line in enumerate(case.read_text().splitlines(), 1))
    return {(case.name, number): set(codes.split(", ")) for number, codes in marked if codes}


def reported(cases: list[Path]) -> Faults:
    options = ["--config-file", str(PROJECT / "pyproject.toml"), "--no-error-summary", "--hide-error-context"]
    output, failure, _ = api.run([*options, *map(str, cases)])
    assert not failure, failure
    faults: Faults = {}
    for line in output.splitlines():
        if found := re.fullmatch(r".*?(\w+\.py):(\d+): error: .*\[([a-z-]+)\]", line):
            faults.setdefault((found[1], int(found[2])), set()).add(found[3])
        else:
            assert ": note: " in line, line
    return faults


def test_wrong_messages_are_type_errors_and_right_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)  # paths in the configuration are relative to it
    cases = sorted(CASES.glob("*.py"))
    assert reported(cases) == {place: codes for case in cases for place, codes in expected(case).items()}
