"""Strict rules for new passwords."""

import pytest

from actors.session.password_rules import faults_in
from tests.source import PROJECT

pytestmark = [pytest.mark.unit, pytest.mark.security]

FREQUENT = "Password must not be one of those that very many people use"
REPEATED = "Password must not be one character over and over"
ADDRESS = "Password must not be the e-mail address or its first part"


@pytest.mark.parametrize("password", ["password", "PassWord", "123456789", "jennifer", "iloveyou1", "1qaz2wsx"])
def test_a_frequent_password_is_refused_in_any_case(password: str) -> None:
    assert faults_in(password, "ann@example.com") == FREQUENT


@pytest.mark.parametrize("password", ["zzzzzzzz", "ZzZzZzZzZ", " " * 12, "€" * 1024, "\ud800" * 8])
def test_one_character_over_and_over_is_refused(password: str) -> None:
    assert faults_in(password, "ann@example.com") == REPEATED


@pytest.mark.parametrize("password", ["ann.smith@example.com", "Ann.Smith@Example.COM", "ann.smith", "ANN.smith"])
def test_the_address_and_its_first_part_are_refused(password: str) -> None:
    assert faults_in(password, "Ann.Smith@example.com") == ADDRESS


def test_the_first_part_of_an_address_may_hold_an_at_sign() -> None:
    assert faults_in('"ann@home"', '"ann@home"@example.com') == ADDRESS


@pytest.mark.parametrize(
    "password", ["correct horse battery", "password password", "ann.smith1", "12345678x9", "x" * 1023 + "y"]
)
def test_anything_else_is_allowed(password: str) -> None:
    assert faults_in(password, "ann.smith@example.com") is None


def test_the_list_is_three_thousand_passwords_that_could_be_set() -> None:
    text = (PROJECT / "actors/session/frequent_passwords.txt").read_text(encoding="ascii")
    listed = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(listed) == len(set(listed)) == 3000
    assert all(len(password) >= 8 and password == password.casefold() for password in listed)
    assert "BSD-3-Clause" in text.splitlines()[1]
