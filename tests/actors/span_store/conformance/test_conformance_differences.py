"""Any engine: what is different about some spans is found, and what is not is not."""

import random
from typing import Any

import attrs
import pytest

from actors.errors import NeedsRoom
from actors.span_store.asked.differences import Differences, GetDifferences, ValueShares
from actors.span_store.columns.spans import Resource, Span
from actors.span_store.query.expression import Between, Equals, Not, Promoted, equal
from actors.span_store.query.language.filter_text import expression_of
from actors.span_store.storage import SpanStorage
from tests.actors.span_store.conformance.plain_differences import differences_of
from tests.actors.span_store.conformance.steps import write
from tests.actors.span_store.conformance.whole import all_rows
from tests.spans import START, span

pytestmark = pytest.mark.integration

FAILED = Equals(Promoted("status_code"), 2)
SPANS, TRACES = 600, 100


def planted(draw: random.Random, number: int) -> Span:
    """One of many spans with forty attributes, of which the 23rd has to do with failing."""
    failed = number % 3 == 0
    said: dict[str, Any] = {f"noise.{each}": draw.choice(["a", "b", "c", "d"]) for each in range(40)}
    said["noise.22"] = draw.choice(["a", "b"] if failed else ["b", "b", "b", "c", "d", "a"])
    said |= {"request.id": f"{draw.getrandbits(64):x}", "conversation": f"of {number // 6}"}
    said |= {
        "prompt": f"{'Please answer this. ' * 20}{number}",
        "size": draw.random(),
        "tags": ["x", draw.choice("yz")],
    }
    return span(
        number,
        trace_id=number % TRACES + 1,
        name="work",
        start=START + number,
        end_time_unix_nano=START + number + draw.randrange(10**9),
        status_code=2 if failed else 0,
        attributes=said,
    )


async def test_a_planted_difference_is_found_first(storage: SpanStorage) -> None:
    draw = random.Random(3)
    await write(storage, *(planted(draw, number) for number in range(1, SPANS + 1)))
    found = await storage.differences(GetDifferences(where=FAILED))
    assert (found.count, found.than_count) == (200, 400)
    first = found.fields[0]
    assert first.field == "attr.noise.22"
    assert 0.3 < first.score < 0.9
    assert [each.value for each in first.values][:1] == ["a"]
    assert first.values[0].share > 0.4
    assert first.values[0].than_share < 0.25
    assert all(each.score < first.score / 2 for each in found.fields[1:]), found.fields[1:]
    assert not {"attr.request.id", "attr.prompt", "status"} & {each.field for each in found.fields}
    turned = await storage.differences(GetDifferences(where=Not(FAILED), than=FAILED))
    assert (turned.count, turned.fields[0].field) == (400, "attr.noise.22")


async def test_ids_that_all_spans_of_a_conversation_have_do_not_win(storage: SpanStorage) -> None:
    """They are other ones in any two hours, and so are the conversations in which it went wrong."""
    draw = random.Random(4)
    spans = [planted(draw, number)._replace(status_code=0) for number in range(1, SPANS + 1)]
    late = [each._replace(attributes={**each.attributes, "deploy": "2"}) for each in spans[SPANS // 2 :]]
    await write(storage, *spans[: SPANS // 2], *late)
    after = Between(Promoted("start_time_unix_nano"), START + SPANS // 2 + 1)
    found = await storage.differences(GetDifferences(where=after))
    assert found.fields[0] == attrs.evolve(
        found.fields[0],
        field="attr.deploy",
        score=1.0,
        values=(ValueShares("2", 1.0, 0.0), ValueShares(None, 0.0, 1.0)),
    )
    scores = {each.field: each.score for each in found.fields}
    assert scores["attr.conversation"] < 0.5


async def test_of_nothing_nothing_is_different(storage: SpanStorage) -> None:
    nothing = Differences(count=0, than_count=0, fields=())
    assert await storage.differences(GetDifferences()) == nothing
    await write(storage, span(1, status_code=2), span(2))
    assert await storage.differences(GetDifferences()) == attrs.evolve(nothing, count=2)
    one_each = await storage.differences(GetDifferences(where=FAILED, since=START, until=START + 1))
    assert one_each == attrs.evolve(nothing, count=1, than_count=1)
    assert await storage.differences(GetDifferences(where=FAILED, since=START + 1)) == nothing


async def test_an_answer_without_room_says_what_it_needs(storage: SpanStorage) -> None:
    await write(storage, *(span(number, status_code=number // 51 * 2, name=f"{number // 51}") for number in range(100)))
    asked = GetDifferences(where=FAILED)
    with pytest.raises(NeedsRoom) as caught:
        await storage.differences(attrs.evolve(asked, room=10))
    assert (await storage.differences(attrs.evolve(asked, room=caught.value.bytes))).fields


QUESTIONS: list[dict[str, Any]] = [
    {"where": FAILED},
    {"where": equal(service_name="shop")},
    {"where": expression_of("attr.plan:pro")},
    {"where": expression_of("duration:>100ms")},
    {
        "where": expression_of("attr.size:>5 model:a"),
        "than": expression_of("service:desk model:a"),
    },
    {"where": expression_of("status:error"), "since": START + 50, "until": START + 250},
    {"where": equal(name="e"), "than": equal(name="f"), "until": START + 40},
]


async def test_differences_are_those_of_a_plain_evaluation(storage: SpanStorage) -> None:
    draw = random.Random(5)
    for part in range(3):
        await write(storage, *(made(draw, number) for number in range(100 * part + 1, 100 * part + 101)))
    rows = await all_rows(storage, range(1, 13))
    for question in QUESTIONS:
        request = GetDifferences(**question)
        compare(await storage.differences(request), differences_of(rows, request))


def compare(found: Differences, expected: Differences) -> None:
    """Scores are near to exact ones."""
    assert (found.count, found.than_count) == (expected.count, expected.than_count)
    assert [each.field for each in found.fields] == [each.field for each in expected.fields]
    for one, other in zip(found.fields, expected.fields, strict=True):
        assert one.score == pytest.approx(other.score, abs=0.02), one.field
        assert one.values == other.values


def made(draw: random.Random, number: int) -> Span:
    """A span whose attributes have to do with each other."""
    plan, failed = draw.choice(["pro", "free"]), draw.random() < 0.3
    said: dict[str, Any] = {"plan": plan, "size": draw.choice([1, 2, 7 if failed else 3, True, "big"])}
    said |= {"load": draw.random() + failed, "region": ["eu"] if plan == "pro" else None, f"only.{number}": 1}
    if draw.random() < 0.5:
        said |= {"gen_ai.operation.name": "chat", "gen_ai.request.model": "a" if plan == "pro" else "b"}
        said |= {"gen_ai.usage.input_tokens": draw.randrange(100) + 100 * failed, "llm.cost.total": draw.random()}
    service = draw.choice(["shop", "desk"] if failed else ["shop"])
    return span(
        number,
        trace_id=number % 12 + 1,
        resource=Resource({"service.name": service, "zone": 1 if failed else 2, "pod": f"{service}-{number % 30}"}),
        start=START + number,
        name=draw.choice("abcdef"),
        kind=draw.randrange(6),
        status_code=2 if failed else draw.randrange(2),
        status_message="no" if failed else "",
        end_time_unix_nano=draw.choice([0, START + number + draw.randrange(10**9)]),
        attributes=said,
    )
