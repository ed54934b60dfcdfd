"""Cursors: opaque, bound to one question, and harmless when they are made up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import attrs
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from actors.errors import InvalidRequest
from transports.http.wire.cursors import cursor_of, place_after

pytestmark = pytest.mark.unit


@attrs.frozen
class RowLocation:
    name: str
    number: int
    cost: float
    perhaps: int | None


PLACE = RowLocation("a", -(2**63), 0.5, None)


def asking(target: str) -> web.Request:
    """A request for that, which only says what was asked for."""
    return make_mocked_request("GET", target)


def encoded(value: object) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


@pytest.mark.parametrize("place", [PLACE, RowLocation("é" * 20, 2**63 - 1, -1e300, 7)])
def test_a_cursor_leads_back_to_its_place(place: RowLocation) -> None:
    cursor = cursor_of(asking("/list?q=a&limit=5"), place)
    for target in ("/list?q=a", "/list?q=a&limit=7", f"/list?after={cursor}&q=a"):
        assert place_after(asking(target), cursor, RowLocation) == place


def test_the_order_of_parameters_does_not_matter() -> None:
    cursor = cursor_of(asking("/list?a=1&b=2"), PLACE)
    assert place_after(asking("/list?b=2&a=1"), cursor, RowLocation) == PLACE


@pytest.mark.parametrize(
    "target", ["/list", "/list?q=b", "/list?q=a&sort=x", "/other?q=a", "/list?q=a&q=b", "/list?a=q"]
)
def test_a_cursor_is_of_its_question_alone(target: str) -> None:
    cursor = cursor_of(asking("/list?q=a"), PLACE)
    with pytest.raises(InvalidRequest):
        place_after(asking(target), cursor, RowLocation)


@pytest.mark.security
@pytest.mark.parametrize(
    "part",
    [
        [],
        ["a", 1, 0.5],
        ["a", 1, 0.5, None, None],
        [1, 1, 0.5, None],
        ["a", "1", 0.5, None],
        ["a", True, 0.5, None],
        ["a", 2**63, 0.5, None],
        ["a", 1, 1, None],
        ["a", 1, 0.5, "x"],
        ["a", 1, 0.5, {}],
    ],
)
def test_places_of_another_form_are_none(part: list[object]) -> None:
    question = orjson.loads(urlsafe_b64decode(cursor_of(asking("/list"), PLACE) + "==="))[0]
    with pytest.raises(InvalidRequest):
        place_after(asking("/list"), encoded([question, *part]), RowLocation)


@pytest.mark.security
@pytest.mark.parametrize(
    "text", ["", "x", "%%%", "é", "null", "W10", "e30", "WyJ", "A" * 100_000, encoded("a"), encoded([1]), "W 10", "\0"]
)
def test_what_is_no_cursor_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        place_after(asking("/list"), text, RowLocation)
    [problem] = refused.value.problems
    assert (problem.type, problem.location) == ("cursor_invalid", ("query", "after"))
