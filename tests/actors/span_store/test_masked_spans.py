"""Masked spans: every part of them, what they share, and what they say of it."""

from typing import NamedTuple

import pytest

from actors.span_store.columns.spans import (
    Attributes,
    AttributeValue,
    InstrumentationScope,
    Resource,
    Span,
    SpanEvent,
    SpanLink,
)
from actors.span_store.masking.masking import MASKED, Masking
from actors.span_store.masking.reading import read_masking
from tests.spans import span

pytestmark = [pytest.mark.unit, pytest.mark.security]

MAIL = "a@b.co"


class Record(NamedTuple):
    """A log record."""

    span_id: str
    event_name: str
    severity_text: str
    body: AttributeValue
    attributes: Attributes
    resource: Resource
    scope: InstrumentationScope


def masking(rules: str = "email") -> Masking:
    made = read_masking(rules)
    assert made is not None
    return made


def full(number: int, resource: Resource, scope: InstrumentationScope, said: str = MAIL) -> Span:
    return span(
        number,
        name=f"ask {said}",
        status_message=f'{{"for": "{said}"}}',
        trace_state=f"who={said}",
        attributes={"a": said, "b": [said, {"c": said.encode()}]},
        events=[SpanEvent(1, f"told {said}", {"to": said})],
        links=[SpanLink("0" * 31 + "1", "0" * 15 + "1", said, {"of": said})],
        resource=resource,
        scope=scope,
    )


def test_every_part_of_a_span_is_masked_and_counted_where_it_is() -> None:
    resource = Resource({"service.name": "shop", "owner": MAIL, "admins": [MAIL, MAIL]})
    scope = InstrumentationScope("lib", "1", {"author": MAIL})
    one, two = masking().spans([full(1, resource, scope), full(2, resource, scope)])
    expected = full(
        1,
        Resource({"service.name": "shop", "owner": "[email]", "admins": ["[email]"] * 2, MASKED: {"email": 3}}),
        InstrumentationScope("lib", "1", {"author": "[email]", MASKED: {"email": 1}}),
        "[email]",
    )
    told = {**expected.attributes, MASKED: {"email": 10}}
    assert one == expected._replace(attributes=told)
    assert two.attributes == told


def test_what_spans_share_is_still_shared() -> None:
    resource, scope = Resource({"owner": MAIL}), InstrumentationScope("lib")
    one, two = masking().spans([full(1, resource, scope), full(2, resource, scope)])
    assert one.resource is two.resource
    assert one.scope is two.scope


def test_a_span_without_anything_says_nothing_of_masking() -> None:
    clean, found = span(1, attributes={"a": "b"}), span(2, attributes={"a": MAIL})
    kept, masked = masking().spans([clean, found])
    assert kept == clean
    assert masked.attributes == {"a": "[email]", MASKED: {"email": 1}}


def test_a_masked_span_is_masked_again_to_the_same() -> None:
    rules = masking('["all", {"name": "order", "values": "ORD-[0-9]+"}]')
    resource, scope = Resource({"owner": MAIL}), InstrumentationScope("lib")
    once = rules.spans([full(1, resource, scope, f"{MAIL} ORD-1 +49 170 1234567")])
    assert rules.spans(once) == once


def test_ids_and_times_are_never_masked() -> None:
    made = span(1, trace_id=0x4111111111111111, attributes={"n": 1})
    assert masking('[{"name": "digits", "values": "[0-9]+"}]').spans([made])[0] == made._replace(
        name="span [digits]", attributes={"n": "[digits]", MASKED: {"digits": 2}}
    )


def test_log_records_are_masked_in_every_part() -> None:
    resource, scope = Resource({"owner": MAIL}), InstrumentationScope("lib")
    body = {"messages": [{"content": f'{{"to": "{MAIL}"}}'}]}
    one, two, clean = masking().logs(
        [
            Record("1", f"told {MAIL}", MAIL, body, {"to": [MAIL]}, resource, scope),
            Record("2", "told", "INFO", MAIL, {}, resource, scope),
            Record("3", "told", "INFO", None, {"a": 1}, Resource({}), scope),
        ]
    )
    masked = Resource({"owner": "[email]", MASKED: {"email": 1}})
    told: dict[str, AttributeValue] = {"to": ["[email]"], MASKED: {"email": 4}}
    expected_body = {"messages": [{"content": '{"to": "[email]"}'}]}
    assert one == Record("1", "told [email]", "[email]", expected_body, told, masked, scope)
    assert two == Record("2", "told", "INFO", "[email]", {MASKED: {"email": 1}}, masked, scope)
    assert one.resource is two.resource
    assert clean == Record("3", "told", "INFO", None, {"a": 1}, Resource({}), scope)
