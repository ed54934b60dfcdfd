"""Positions as pages give them and get them back."""

import pytest

from actors.span_store.query.position import Position

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1, 2**63])
def test_a_position_survives_as_text(number: int) -> None:
    assert Position.from_text(str(Position(number))) == Position(number)


def test_positions_are_in_the_order_of_arrival() -> None:
    assert sorted([Position(10), Position(9)]) == [Position(9), Position(10)]


@pytest.mark.parametrize("text", ["", "-1", "1.5", "\u0661", "1 ", "x", "9" * 20])
def test_other_text_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="position"):
        Position.from_text(text)
