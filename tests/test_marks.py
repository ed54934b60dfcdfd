"""No file is left unread that has a test which a phase of the test command asks for."""

import re
from collections.abc import Collection
from itertools import combinations

import pytest

from tests.marks import may_match
from tests.source import PROJECT

pytestmark = pytest.mark.unit

MARKS = ("unit", "integration", "requires_grpc_server", "error_recovery")
SETS = [set(some) for count in range(1, len(MARKS) + 1) for some in combinations(MARKS, count)]
PHASES = re.findall(
    r'^phase .* "([^"]+)" "\$@"$', (PROJECT / "scripts" / "run-backend-tests.sh").read_text(), re.MULTILINE
)


def asks_for(expression: str, marks: Collection[str]) -> bool:
    """Whether pytest would run a test with just these markers."""
    terms = [term.removeprefix("not ") for term in expression.split(" and ")]
    wanted = [not term.startswith("not ") for term in expression.split(" and ")]
    return all((term in marks) is here for term, here in zip(terms, wanted, strict=True))


def test_each_test_is_of_one_phase() -> None:
    assert len(PHASES) == 3
    assert all(sum(asks_for(phase, marks) for phase in PHASES) == 1 for marks in SETS)


@pytest.mark.parametrize("phase", [*PHASES, "unit", "not unit"])
def test_a_file_with_a_test_that_is_asked_for_is_read(phase: str) -> None:
    for in_file in SETS:
        if any(asks_for(phase, marks) for marks in SETS if marks <= in_file):
            assert may_match(phase, in_file)


def test_files_without_any_are_not() -> None:
    unit, others, grpc = PHASES
    assert not may_match(unit, {"integration"})
    assert not may_match(others, {"unit"})
    assert not may_match(others, {"unit", "requires_grpc_server"})
    assert not may_match(grpc, {"unit", "integration"})


@pytest.mark.parametrize("expression", ["", "unit or integration", "not (unit or integration)"])
def test_of_other_expressions_all_files_are_read(expression: str) -> None:
    assert all(may_match(expression, marks) for marks in [*SETS, set()])
