"""Patterns of what is masked: what each finds and leaves, alone and in JSON text; and rules that are refused."""

import json
from typing import Any

import pytest

from actors.span_store.masking.masking import MASKED
from actors.span_store.masking.patterns import NAMED
from actors.span_store.masking.reading import read_masking

pytestmark = [pytest.mark.unit, pytest.mark.security]

TOO_MUCH = json.dumps([{"name": f"of-{each}", "values": f"(\\pL{{100}})x{each}"} for each in range(6)])
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln-bmF0dXJl_"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
CUT = "cut off"  # what has no end is masked to the end of the text
FOUND = {
    "private_key": [PRIVATE_KEY, f"-----BEGIN PRIVATE KEY-----\nMIIEow {CUT}"],
    "jwt": [JWT],
    "bearer": ["Bearer abcdefghijklmnopqrst==", "bearer 0123456789.abcdefghij_klm"],
    "api_key": [
        "sk-proj-abcdefghijklmnop1234",
        "sk-ant-api03-abcdefghijklmnop",
        "sk_live_abcdefghij12345678",
        "AIzaSyabcdefghijklmnopqrstuvwxyz012345",
        "AKIAIOSFODNN7EXAMPLE",
        "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuv",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-123456789012-abcdef",
        "ab12" * 16,
    ],
    "email": ["a@b.co", "first.last+tag@sub.example.co.uk", "müller@example.de", "a'b@x-y.org"[2:]],
    "iban": ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "BE68 5390 0754 7034"],
    "credit_card": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "2223003122003222",
    ],
    "us_ssn": ["078-05-1120"],
    "phone": ["+49 170 1234567", "+1 (415) 555-2671", "(415) 555-2671", "415-555-2671", "+4930123456"],
    "ipv4": ["10.0.0.255", "192.168.1.1"],
}
LEFT = {
    "private_key": ["-----BEGIN PUBLIC KEY-----\nMIIBI\n-----END PUBLIC KEY-----"],
    "jwt": ["eyJhbGciOiJIUzI1NiJ9", "a.b.c"],
    "bearer": ["bearer of bad news", "Bearer tokens"],
    "api_key": ["task-force-of-the-unit", "npm_config_registry_url", "sk-short", "ab12" * 15, "ab12" * 8, "AKIA"],
    "email": ["user@localhost", "@decorator", "openai@4.2.0", "ai@7.0.0-beta.next", "a @ b.co", "x@y"],
    "iban": ["DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000", "AB12 CDEF"],
    "credit_card": [
        "4111111111111112",
        "1764500000000000000",
        "1234567890123",
        "0000 0000 0000 0000",
        "41111111111111111",
    ],
    "us_ssn": ["000-12-3456", "666-12-3456", "912-12-3456", "078-00-1120", "078-05-0000", "2026-11-30"],
    "phone": ["2026-11-30", "1764500000", "+1.5", "100-200", "4711"],
    "ipv4": ["300.1.1.1", "1.2.3", "v1.2"],
}
EACH_FOUND = [(name, text) for name, texts in FOUND.items() for text in texts]
EACH_LEFT = [(name, text) for name, texts in LEFT.items() for text in texts]


def masked(rules: str, value: Any) -> Any:
    """The value as it is kept, of an attribute."""
    masking = read_masking(rules)
    assert masking is not None
    attributes, _ = masking.tree({"key": value})
    return attributes["key"]


def test_every_named_pattern_is_tried() -> None:
    names = {pattern.name for pattern in NAMED}
    assert names == set(FOUND) == set(LEFT)


@pytest.mark.parametrize(("name", "text"), EACH_FOUND)
@pytest.mark.parametrize("around", ["{}", "before {} after", "({})", "a: {}, b", "\n{}\n", "x={} in 2026", "it is {}."])
def test_what_a_pattern_is_for_is_found_within_text(name: str, text: str, around: str) -> None:
    kept = around.partition("}")[0] + "}" if text.endswith(CUT) else around
    assert masked(name, around.format(text)) == kept.format(f"[{name}]")


@pytest.mark.parametrize(("name", "text"), EACH_LEFT)
def test_what_only_looks_like_it_is_left(name: str, text: str) -> None:
    assert masked(name, f"before {text} after") == f"before {text} after"


@pytest.mark.parametrize(("name", "text"), [each for each in EACH_FOUND if not each[1].endswith(CUT)])
@pytest.mark.parametrize("deep", [1, 2, 3])
def test_it_is_found_in_json_text_and_in_json_text_in_that(name: str, text: str, deep: int) -> None:
    value: Any = {"content": [f"\n{text}\n", "ü"], "n": 1.50, "none": None}
    expected: Any = {"content": [f"\n[{name}]\n", "ü"], "n": 1.50, "none": None}
    for _ in range(deep):
        value, expected = json.dumps(value), json.dumps(expected)
    assert masked(name, value) == expected


def test_what_is_masked_in_json_text_leaves_all_else_as_it_was_written() -> None:
    written = (
        '{ "a" : 1.50, "big": 123456789012345678901234567890, "m": "x\\n\\u0061\\u0040b.co", "u": "Zürich", "a": 2}'
    )
    assert masked("email", written) == written.replace("\\u0061\\u0040b.co", "[email]")


def test_json_text_that_is_cut_is_masked_too() -> None:
    assert masked("email", '{"m": "write to a@b.co and c') == '{"m": "write to [email] and c'
    assert masked('[{"name": "pw", "keys": "pw"}]', '{"x": [1], "pw": "hunter2 and mo') == '{"x": [1], "pw": "[pw]"'
    assert masked('[{"name": "pw", "keys": "pw"}]', '{"pw": {"a": [1, "}"], "b": ') == '{"pw": "[pw]"'


def test_a_number_in_json_text_becomes_a_string() -> None:
    assert masked("credit_card", '{"card":4111111111111111,"n":1}') == '{"card":"[credit_card]","n":1}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4111111111111111, "[credit_card]"),
        (4111111111111111.0, "[credit_card].0"),
        (b"card 4111111111111111", b"card [credit_card]"),
        (b"\xff4111111111111111\xfe", b"\xff[credit_card]\xfe"),
        (["4111111111111111", 1, None], ["[credit_card]", 1, None]),
        ({"a": {"b": ["4111111111111111"]}}, {"a": {"b": ["[credit_card]"]}}),
        ({"4111111111111111": True}, {"[credit_card]": True}),
        (True, True),
        (12, 12),
        ("", ""),
    ],
)
def test_values_of_every_kind_are_masked(value: Any, expected: Any) -> None:
    assert masked("credit_card", value) == expected


def test_keys_mask_whole_values_wherever_they_are() -> None:
    rules = '[{"name": "secret", "keys": "(?i)passw|^token$"}]'
    assert masked(rules, {"Password": {"a": 1}, "token": 5, "tokens": 5}) == {
        "Password": "[secret]",
        "token": "[secret]",
        "tokens": 5,
    }
    written = '{"password" : {"a": ["]", {}]}, "b": [{"token":true}, {"token": -1.5e3 }, {"\\u0074oken": "x"}]}'
    assert masked(rules, written) == (
        '{"password" : "[secret]", "b": [{"token":"[secret]"}, {"token": "[secret]" }, {"\\u0074oken": "[secret]"}]}'
    )


def test_expressions_of_ones_own_stand_beside_named_ones_and_all_are_counted() -> None:
    rules = '["email", {"name": "order", "values": "ORD-[0-9]{6}"}, {"name": "secret", "keys": "secret"}]'
    masking = read_masking(rules)
    assert masking is not None
    attributes, body = masking.tree(
        {"a": "ORD-123456 ORD-654321 a@b.co", "my.secret": 1, MASKED: {"email": 2, "x": "y"}}, "c@d.eu"
    )
    assert attributes == {
        "a": "[order] [order] [email]",
        "my.secret": "[secret]",
        MASKED: {"email": 4, "order": 2, "secret": 1},
    }
    assert body == "[email]"


def test_nothing_found_leaves_everything_as_it_is() -> None:
    masking = read_masking("all")
    assert masking is not None
    attributes = {"a": "plain", "b": [1, 2.5, None, b"\xff"], "c": '{"x": "\\ud800"}', "d": "\ud800"}
    assert masking.tree(attributes, {"e": True}) == (attributes, {"e": True})
    assert masking.tree({"c": '{"x": "\\ud800 a@b.co"}'})[0]["c"] != '{"x": "\\ud800 a@b.co"}'


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2_000_000 + "!",
        "a" * 2_000_000,
        "x@" * 1_000_000,
        "1234 " * 400_000,
        '["a@b.co"],' * 180_000,
        '"\\' * 1_000_000,
        "[" * 2_000_000,
        "DE89 3704 " * 200_000,
        "-----BEGIN PRIVATE KEY-----" * 70_000,
        "+1 " * 600_000,
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.timeout(60)  # backtracking would take years
def test_two_megabytes_of_the_worst_are_looked_through(text: str) -> None:
    rules = '["all", {"name": "boom", "values": "(a+)+$"}, {"name": "twice", "values": "(x+x+)+y"}]'
    assert "a@b.co" not in masked(rules, text)


def test_a_value_of_two_megabytes_is_masked_to_its_end() -> None:
    text = json.dumps({"messages": ["harmless words " * 133_000, "last: a@b.co"]})
    assert masked("email", text) == text.replace("a@b.co", "[email]")


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ("email,postcode", "'postcode' is none of them"),
        ('[{"name": "order", "values": "(a"}]', "'order' cannot be used: .*missing \\)"),
        ('[{"name": "order", "values": "(?=a)"}]', "'order' cannot be used"),
        ('[{"name": "order", "values": "(a)\\\\1"}]', "'order' cannot be used"),
        ('[{"name": "order", "keys": "a*"}]', "'order' cannot be used: it matches where nothing is"),
        ('[{"name": "order", "values": "\\\\b"}]', "'order' cannot be used: it matches where nothing is"),
        ('[{"name": "order", "values": "\\ud800"}]', "'order' cannot be used"),
        ('[{"name": "order", "values": 5}]', "'order' must be text"),
        ('[{"name": "email", "values": "a"}]', "a name of its own"),
        ('[{"name": "Or der", "values": "a"}]', "a name of its own"),
        ('[{"name": "order"}]', "must have names and objects"),
        ('[{"name": "order", "values": "a", "keys": "b"}]', "must have names and objects"),
        ('["email", 5]', "must have names and objects"),
        ("[", "a comma list of names or a JSON array"),
        (TOO_MUCH, "cannot be used together"),
    ],
)
def test_rules_that_cannot_be_used_are_named(rules: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_masking(rules)


def test_no_rules_are_no_masking() -> None:
    assert (read_masking(""), read_masking(" , "), read_masking("[]")) == (None, None, None)
