"""Any engine: which values a field has, which keys there are, and in how many spans."""

from typing import Any

import pytest

from actors.errors import NeedsRoom
from actors.span_store.asked.values import Listed, ListValues
from actors.span_store.columns.spans import Resource, SpanEvent
from actors.span_store.query.language.filter_text import expression_of
from actors.span_store.storage import SpanStorage
from tests.actors.span_store.conformance.steps import write
from tests.spans import START, span

pytestmark = pytest.mark.integration

LONG = "x" * 1001


async def filled(storage: SpanStorage) -> SpanStorage:
    """Nine spans of different kinds, in several requests."""
    for number in range(1, 10):
        said: dict[str, Any] = {
            "plan": ["free", "enterprise", "free"][number % 3],
            "size": [1, True, 1.5, "1", "big", LONG, [1], "1", 1][number - 1],
            f"only.{number}": 1,
        }
        if number == 9:
            said |= {"openinference.span.kind": "TOOL", "input.value": '{"order": {"amount": 120, "plan": "gold"}}'}
        resource = Resource({"service.name": "shop" if number < 7 else "kitchen", "zone": number % 2})
        events = [SpanEvent(1, "red", {"k": "v"}), SpanEvent(2, "red", {"k": "w"})] if number % 4 == 0 else []
        made = span(number, trace_id=number, attributes=said, resource=resource, events=events, start=START + number)
        await write(
            storage, made._replace(status_code=2 if number == 5 else 0, status_message="no" if number == 5 else "")
        )
    return storage


async def found(storage: SpanStorage, field: str, **asked: Any) -> tuple[list[tuple[Listed, int]], bool]:
    asked["where"] = expression_of(asked.pop("q", ""))
    answer = await storage.values(ListValues(field=field, **asked))
    return [(each.value, each.count) for each in answer.values], answer.more


@pytest.mark.parametrize(
    ("field", "asked", "right"),
    [
        ("service", {}, [("shop", 6), ("kitchen", 3)]),
        ("service", {"prefix": "k"}, [("kitchen", 3)]),
        ("service", {"q": "attr.plan:enterprise"}, [("shop", 2), ("kitchen", 1)]),
        ("service", {"q": "service:kitchen"}, [("kitchen", 3)]),
        ("service", {"q": "service:nobody"}, []),
        ("status", {}, [("unset", 8), ("error", 1)]),
        ("status", {"prefix": "e"}, [("error", 1)]),
        ("type", {}, [("tool", 1)]),
        ("model", {}, []),
        ("status_message", {"q": "status:error"}, [("no", 1)]),
        ("attr.plan", {}, [("free", 6), ("enterprise", 3), ("gold", 1)]),
        ("attr.plan", {"q": "service:shop"}, [("free", 4), ("enterprise", 2)]),
        ("attr.plan", {"q": "attr.size:big OR service:kitchen", "prefix": "g"}, [("gold", 1)]),
        ("attr.size", {}, [("1", 2), (1, 2), (1.5, 1), ("big", 1), (True, 1)]),
        ("attr.size", {"prefix": "t"}, [(True, 1)]),
        ("attr.amount", {}, [(120, 1)]),
        ("attr.nothing", {}, []),
        ("attr", {"prefix": "only.", "q": "attr.only.3:1"}, [("only.3", 1)]),
        ("attr", {"prefix": "p"}, [("plan", 9)]),
        ("resource", {}, [("service.name", 9), ("zone", 9)]),
        ("resource.zone", {}, [(1, 5), (0, 4)]),
        ("event", {}, [("k", 2)]),
        ("event.k", {}, [("v", 2), ("w", 2)]),
        ("event.name", {}, [("red", 2)]),
    ],
)
async def test_values_are_counted(
    storage: SpanStorage, field: str, asked: dict[str, str], right: list[tuple[Listed, int]]
) -> None:
    values_found, more = await found(await filled(storage), field, **asked)
    assert sorted(values_found, key=repr) == sorted(right, key=repr)
    assert [count for _, count in values_found] == [count for _, count in right]
    assert not more


async def test_more_are_told(storage: SpanStorage) -> None:
    await filled(storage)
    assert await found(storage, "service", limit=1) == ([("shop", 6)], True)
    assert await found(storage, "attr.plan", limit=2) == ([("free", 6), ("enterprise", 3)], True)
    _, more = await found(storage, "attr", limit=11)
    assert more


async def test_an_answer_without_room_says_what_it_needs(storage: SpanStorage) -> None:
    await filled(storage)
    with pytest.raises(NeedsRoom) as caught:
        await storage.values(ListValues(field="service", room=10))
    enough = ListValues(field="service", room=caught.value.bytes)
    assert len((await storage.values(enough)).values) == 2


@pytest.mark.parametrize("field", ["trace_id", "duration", "cost", "start", "colour", "score.a", "attr.", "", "attrs"])
def test_what_has_no_list_of_values_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=r"no values"):
        ListValues(field=field)
