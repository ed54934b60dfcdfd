"""Access to JSON that may have any form."""

import json
from typing import Any

import pytest
from hypothesis import given

from actors.playground.counts import count
from actors.playground.providers.untrusted import an_object, arguments, member, objects, parsed, text_in, truth, word
from tests.actors.playground.stage import ANY_JSON

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (12, 12),
        (12.0, 12),
        ("12", 12),
        (" 12 ", 12),
        ("12.0", 12),
        (0, 0),
        (10**15, 10**15),
        (10**15 + 1, None),
        (10**30, None),
        (-1, None),
        ("-1", None),
        (1.5, None),
        ("1.5", None),
        (1e308, None),
        (float("inf"), None),
        (float("nan"), None),
        ("9" * 5000, None),
        ("1_000", None),
        ("٣", None),
        ("", None),
        (True, None),
        (None, None),
        ([5], None),
        ({"value": 5}, None),
    ],
)
def test_what_is_a_count(value: object, number: int | None) -> None:
    assert count(value) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9" * 5000, "9" * 5000),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("[-Infinity]", ["-Infinity"]),
        ("\ufeff1", 1),
        (b"\xef\xbb\xbf1", 1),
        (b'"\xff"', "\ufffd"),
        ('"\\ud83d"', "\ud83d"),
        ("1000000000000000000000000000000", 10**30),
    ],
)
def test_numbers_that_cannot_be_held_are_text(text: str | bytes, value: object) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize("text", ["", "{", "[" * 1_000_000, '{"a":' * 1_000_000, b"\x00", "hello", "{} {}"])
def test_what_is_no_json_says_so(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra|nested|property"):
        parsed(text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hi", "hi"),
        (None, ""),
        (["h", "i"], "hi"),
        ([{"type": "text", "text": "h"}, {"type": "output_text", "text": {"value": "i"}}], "hi"),
        ({"content": [{"text": "hi"}]}, "hi"),
        ([None, 5, {"text": None}, {"image": "x"}, "hi"], "5hi"),
        (5, "5"),
        (True, ""),
        ({}, ""),
    ],
)
def test_content_in_every_form(content: object, text: str) -> None:
    assert text_in(content) == text


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ('{"a":1}', '{"a":1}'),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        (None, ""),
        ({}, "{}"),
        ([1], "[1]"),
        ({"n": 10**30}, '{"n":' + str(10**30) + "}"),
    ],
)
def test_arguments_in_every_form(given_: object, text: str) -> None:
    assert arguments(given_) == text


def test_arguments_keep_digits_that_python_cannot_hold() -> None:
    assert json.loads(arguments(parsed('{"n":' + "9" * 5000 + ',"x":NaN}'))) == {"n": "9" * 5000, "x": "NaN"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([{"a": 1}, None, 5, "x", [], {"b": 2}], [{"a": 1}, {"b": 2}]),
        ({"a": 1}, [{"a": 1}]),
        (None, []),
        ("x", []),
    ],
)
def test_one_odd_item_costs_itself(value: object, found: list[object]) -> None:
    assert objects(value) == found


@given(ANY_JSON)
def test_nothing_is_too_odd_to_be_read(value: Any) -> None:
    assert isinstance(text_in(value), str)
    assert isinstance(word(value), str)
    assert isinstance(arguments(value), str)
    assert isinstance(member(value, "content", "text"), object)
    assert all(isinstance(item, dict) for item in objects(value))
    assert isinstance(an_object(value, "content"), dict)
    assert truth(value) in (True, False, None)
    number = count(value)
    assert number is None or 0 <= number <= 10**15


def test_a_word_has_an_end() -> None:
    assert len(word("x" * 10**6)) == 1000
