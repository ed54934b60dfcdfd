from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

import attrs
import pytest

from actors.errors import InvalidRequest, Problem
from actors.span_store.messages import Cursor
from actors.span_store.query.position import Position
from transports.http.api.api_keys import NewKey
from transports.http.api.observability import PageQuery, RootQuery
from transports.http.framework.rules import Between
from transports.http.framework.validation import echo, structure_body, structure_query, unstructure
from transports.http.wire.accounts import Credentials, NewUser
from transports.http.wire.cursor_text import cursor_text

pytestmark = pytest.mark.unit

GOOD = {"email": "ada@example.com", "password": "correct horse"}


def problems_of(document: object, cls: type = NewUser) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRequest) as caught:
        structure_body(document, cls)
    return caught.value.problems


def query_problem(cls: type = RootQuery, **query: str) -> Problem:
    with pytest.raises(InvalidRequest) as caught:
        structure_query(query, cls)
    (problem,) = caught.value.problems
    return problem


def test_a_good_body_becomes_its_class() -> None:
    assert structure_body(GOOD | {"unknown": 1}, NewUser) == NewUser(**GOOD)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [("missing", ("body",))]),
        ([], [("model_attributes_type", ("body",))]),
        ("text", [("model_attributes_type", ("body",))]),
        (5, [("model_attributes_type", ("body",))]),
        ({}, [("missing", ("body", "email")), ("missing", ("body", "password"))]),
        (
            {"email": None, "password": None},
            [("string_type", ("body", "email")), ("string_type", ("body", "password"))],
        ),
        (
            {"email": "x", "password": "x"},
            [("value_error", ("body", "email")), ("string_too_short", ("body", "password"))],
        ),
        (GOOD | {"password": ["1"] * 8}, [("string_type", ("body", "password"))]),
        (GOOD | {"password": 12345678}, [("string_type", ("body", "password"))]),
        (GOOD | {"password": "x" * 1025}, [("string_too_long", ("body", "password"))]),
        (GOOD | {"email": "\ud800@example.com"}, [("string_unicode", ("body", "email"))]),
    ],
)
def test_every_fault_is_named_in_the_order_of_the_fields(document: object, expected: list[Any]) -> None:
    assert [(problem.type, problem.location) for problem in problems_of(document)] == expected


def test_a_short_password_is_told_in_the_words_that_users_know() -> None:
    (problem,) = problems_of(GOOD | {"password": "short"})
    assert problem == Problem(
        type="string_too_short",
        location=("body", "password"),
        message="Password must be at least 8 characters",
        input="***",
        context={"min_length": 8, "actual_length": 5},
    )


def test_passwords_count_characters_and_not_bytes() -> None:
    assert structure_body(GOOD | {"password": "ü" * 1024}, NewUser).password == "ü" * 1024
    assert problems_of(GOOD | {"password": "🎏" * 7})[0].context == {"min_length": 8, "actual_length": 7}


def test_a_password_never_comes_back() -> None:
    secret = "hunter22"
    for document in ({"password": secret}, {"email": 1, "password": secret}, {"a": [{"password": secret}]}):
        assert secret not in repr(problems_of(document))
    assert secret not in repr(problems_of(f"email=ada%40example.com&password={secret}"))
    assert problems_of("email=ada")[0].input == "email=ada"


def test_the_object_that_lacks_a_field_is_shown() -> None:
    (problem,) = problems_of({"email": "ada@example.com"}, Credentials)
    assert (problem.message, problem.input) == ("Field required", {"email": "ada@example.com"})


def test_what_is_shown_again_can_be_written_as_json() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    assert echo({"a": float("nan"), "b": "\ud800", "\ud801": 1, "c": 2**70}) == {
        "a": None,
        "b": "?",
        "?": 1,
        "c": 2**70,
    }
    assert "…" in repr(echo(deep))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("Ada@EXAMPLE.Com", "Ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <ada@example.com>', "ada@example.com"),
    ],
)
def test_an_email_address_is_normalised(given: str, kept: str) -> None:
    assert structure_body(GOOD | {"email": given}, NewUser).email == kept


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "An email address must have an @-sign."),
        ("a@localhost", "The part after the @-sign is not valid. It should have a period."),
        ("a.@example.com", "An email address cannot have a period immediately before the @-sign."),
        (
            "a@example.test",
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        ),
        ("a" * 2049, "Length must not exceed 2048 characters"),
    ],
)
def test_an_email_address_is_refused_with_a_reason(given: str, reason: str) -> None:
    (problem,) = problems_of(GOOD | {"email": given})
    assert problem.message == f"value is not a valid email address: {reason}"
    assert problem.context == {"reason": reason}


def test_a_key_name_must_not_be_blank_and_stays_untrimmed() -> None:
    (problem,) = problems_of({"name": " \t"}, NewKey)
    assert (problem.message, problem.context) == ("API key name cannot be empty", {})
    assert structure_body({"name": " x "}, NewKey).name == " x "


@pytest.mark.parametrize(
    ("scopes", "type_", "location"),
    [
        ("read", "list_type", ("body", "scopes")),
        (None, "list_type", ("body", "scopes")),
        ([], "too_short", ("body", "scopes")),
        (["read", "admin"], "enum", ("body", "scopes", 1)),
        ([["read"]], "enum", ("body", "scopes", 0)),
    ],
)
def test_scopes_are_known_ones(scopes: object, type_: str, location: tuple[str | int, ...]) -> None:
    (problem,) = problems_of({"name": "x", "scopes": scopes}, NewKey)
    assert (problem.type, problem.location) == (type_, location)


@attrs.frozen
class Figures:
    whole: Annotated[int, Between(0, 9)] = 0
    real: float = 0.0
    flag: bool = False
    map: dict[str, Any] = attrs.field(factory=dict)


@pytest.mark.parametrize(
    ("document", "type_"),
    [
        ({"whole": "5.5"}, "int_parsing"),
        ({"whole": True}, "int_type"),
        ({"whole": 5.5}, "int_from_float"),
        ({"whole": 10}, "less_than_equal"),
        ({"real": "hot"}, "float_parsing"),
        ({"real": True}, "float_type"),
        ({"real": float("inf")}, "finite_number"),
        ({"real": 10**400}, "finite_number"),
        ({"flag": "no"}, "bool_type"),
        ({"flag": 1}, "bool_type"),
        ({"map": []}, "dict_type"),
    ],
)
def test_json_values_are_taken_strictly(document: object, type_: str) -> None:
    assert [problem.type for problem in problems_of(document, Figures)] == [type_]


def test_json_integers_are_numbers() -> None:
    assert structure_body({"real": 1, "whole": 9}, Figures) == Figures(whole=9, real=1.0)


@pytest.mark.parametrize(("text", "value"), [("5", 5), (" 5 ", 5), ("+5", 5), ("1_000", 1000), ("7.0", 7)])
def test_limits_that_pydantic_reads(text: str, value: int) -> None:
    assert structure_query({"limit": text, "other": "x"}, PageQuery).limit == value


@pytest.mark.parametrize("text", ["", "abc", "1.5", "1e2", "\u0665", "1__0", "0x10", "\0"])
def test_limits_that_are_no_integers(text: str) -> None:
    problem = query_problem(limit=text)
    assert (problem.type, problem.location, problem.input) == ("int_parsing", ("query", "limit"), text)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("0", "greater_than_equal"),
        ("10001", "less_than_equal"),
        ("9" * 99, "less_than_equal"),
        ("9" * 4301, "int_parsing_size"),
    ],
)
def test_limits_out_of_bounds(text: str, type_: str) -> None:
    assert query_problem(limit=text).type == type_


def test_flags_in_queries() -> None:
    for text in ("1", "true", "TRUE", "t", "Yes", "y", "on"):
        assert structure_query({"has_llm": text}, RootQuery).has_llm
    for text in ("0", "false", "F", "no", "n", "OFF"):
        assert not structure_query({"has_llm": text}, RootQuery).has_llm
    for text in ("", "maybe", " true"):
        assert query_problem(has_llm=text).type == "bool_parsing"


def test_a_cursor_survives_the_way_to_the_client_and_back() -> None:
    for cursor in (
        Cursor(start_time_unix_nano=0, position=Position(0)),
        Cursor(start_time_unix_nano=2**64 - 1, position=Position(2**63 - 1)),
    ):
        assert structure_query({"after": cursor_text(cursor)}, PageQuery).after == cursor


@pytest.mark.parametrize(
    "text", ["", "x", "AAAA", "MTIz", "MS4y=", "MS4y\n", "OTk5OTk5OTk5OTk5OTk5OTk5OTkuMQ", "A" * 61]
)
def test_a_cursor_that_was_made_up_is_refused(text: str) -> None:
    assert query_problem(after=text).location == ("query", "after")


def test_times_are_whole_seconds_in_utc() -> None:
    moment = datetime(2026, 11, 22, 21, 6, 20, 999, tzinfo=timezone(timedelta(hours=1)))
    assert unstructure([moment]) == ["2026-11-22T20:06:20Z"]
