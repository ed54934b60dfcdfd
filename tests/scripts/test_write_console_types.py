"""The console's types are what the document says."""

import pytest

from scripts import write_console_types
from scripts.write_console_types import FILE, types

pytestmark = pytest.mark.unit


def test_the_types_are_what_the_script_makes() -> None:
    assert FILE.read_text() == types(), "run python -m scripts.write_console_types"
    assert write_console_types.main(["--check"]) == 0


def test_answers_have_short_names_where_these_are_free() -> None:
    made = types()
    assert "export interface TraceSummary {" in made
    assert "export interface NewUserKey {" in made
    assert "export interface NewUserKeyAnswer {" in made
    assert '  role: "admin" | "member";' in made
