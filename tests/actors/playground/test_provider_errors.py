"""Error messages of providers, in the forms that they use."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given

from actors.playground.providers.provider_errors import error_in, presentable, status_in, words_in
from tests.actors.playground.stage import ANY_JSON, FORMS

pytestmark = pytest.mark.unit

KEY = "sk-test-0123456789+/="


@pytest.mark.parametrize(("body", "words"), FORMS)
def test_every_form_of_an_error(body: object, words: str) -> None:
    assert words_in(body) == words


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("one\r\n two\u2028three\x00\x1b[31m", "one two three [31m"),
        (
            "<html><head><title>502 Bad Gateway</title></head><body>\n<h1>Bad &amp; worse</h1></body></html>",
            "Bad & worse",
        ),
        ("<html><head><title>502 Bad Gateway</title></head><body></body></html>", "502 Bad Gateway"),
        ("<script>var x = 1</script><p>no luck</p>", "no luck"),
        (f"<html><title>502</title><style>{'x' * 20_000}</style><body>no luck</body></html>", "502"),
        (f"no luck with {KEY} or {quote(KEY, safe='')}", "no luck with *** or ***"),
        (f"<p>no luck with {KEY.replace('=', '&#61;')}</p>", "no luck with ***"),
        ("see https://vendor.example/?key=x and www.vendor.example now", "see and now"),
        ("half \ud83d of it", "half \ufffd of it"),
        ("", ""),
    ],
)
def test_words_are_made_presentable(message: str, shown: str) -> None:
    assert presentable(message, KEY) == shown


@pytest.mark.security
@pytest.mark.parametrize(
    "message",
    ["x" * 10**6, "<" * 10**6, "<script" * 10**5, "<script>" * 10**5, "a://" * 10**5, "\n" * 10**6, "sk" * 10**6],
)
def test_words_of_any_length_are_short_soon(message: str) -> None:
    assert len(presentable(message, KEY)) <= 200


@pytest.mark.security
def test_a_key_at_the_edge_of_what_is_looked_at_is_not_shown_in_part() -> None:
    for before in range(16 * 1024 - len(KEY), 16 * 1024):
        assert KEY[:8] not in presentable(" " * before + KEY, KEY)


@pytest.mark.parametrize(
    ("document", "name", "is_one"),
    [
        ({"error": {"message": "x"}}, "", True),
        ({"id": "c", "choices": [], "error": "x"}, "", True),
        ({"message": "x"}, "", True),
        ({"detail": "x"}, "", True),
        ({"object": "error", "message": "x"}, "", True),
        ({"type": "error", "error": {}}, "", True),
        ({"choices": [{"error": {"message": "x"}}]}, "", True),
        ("plain words", "error", True),
        ({"anything": 1}, "error", True),
        ("plain words", "", False),
        ({"error": None, "choices": []}, "", False),
        ({"error": {}, "choices": []}, "", False),
        ({"type": "message_start", "message": {"id": "x"}}, "", False),
        ({"id": "c", "message": "x"}, "", False),
        ({}, "", False),
        (None, "", False),
    ],
)
def test_what_is_an_error_in_an_answer_of_status_200(document: object, name: str, is_one: bool) -> None:
    assert (error_in(document, name) is not None) is is_one


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"error": {"code": 429}}, 429),
        ({"error": {"code": "503"}}, 503),
        ({"error": {"code": "model_not_found", "status": 404}}, 404),
        ({"code": 400.0}, 400),
        ({"error": {"code": 200}}, None),
        ({"error": {"code": 40303}}, None),
        ({"error": "x"}, None),
        (None, None),
    ],
)
def test_a_status_in_an_error(document: object, status: int | None) -> None:
    assert status_in(document) == status


@given(ANY_JSON)
def test_no_error_is_too_odd(value: Any) -> None:
    for document in (value, {"error": value}, {"detail": value}, {"choices": value}, {"message": value}):
        assert isinstance(words_in(document), str)
        error_in(document)
        status_in(document)
        assert len(presentable(words_in(document), KEY)) <= 200
