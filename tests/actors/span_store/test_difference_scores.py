"""Scores of differences: exact chances, nothing for what is chance, the same on either side; and what is left out."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.span_store.query.difference_scores import score_of
from actors.span_store.query.language.filter_text import expression_of
from actors.span_store.query.named_fields import named_by_one
from tests.actors.span_store.conformance.plain_differences import plain_score

pytestmark = pytest.mark.unit

_cells = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(any), min_size=1, max_size=40)


@given(cells=_cells)
def test_scores_are_near_to_those_with_exact_chances(cells: list[tuple[int, int]]) -> None:
    counts = sum(here for here, _ in cells), sum(there for _, there in cells)
    score = score_of(Counter(cells), *counts)
    assert 0 <= score <= 1
    assert score == pytest.approx(plain_score(cells, *counts), abs=0.03)
    turned = score_of(Counter((there, here) for here, there in cells), *reversed(counts))
    assert turned == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "counts", "least", "most"),
    [
        ({(100, 0): 1, (0, 100): 1}, (100, 100), 1, 1),
        ({(5000, 0): 1, (0, 10_000): 1}, (5000, 10_000), 1, 1),
        ({(50, 500): 2}, (100, 1000), 0, 0),
        ({(1, 0): 10_000, (0, 1): 10_000}, (10_000, 10_000), 0, 0),
        ({(1, 0): 7, (0, 1): 10_000}, (7, 10_000), 0, 0),
        ({(10, 0): 1000, (0, 10): 1000}, (10_000, 10_000), 0, 0.1),
        ({(9, 100): 1, (1, 9900): 1}, (10, 10_000), 0.6, 1),
        ({(1, 5000): 1, (0, 5000): 1}, (1, 10_000), 0, 0),
        ({(3, 0): 1, (0, 3): 1}, (3, 3), 0, 1),
        ({(80, 10): 1, (20, 90): 1}, (100, 100), 0.55, 0.7),
        ({(1, 0): 1}, (1, 0), 0, 0),
    ],
    ids=[
        *("apart", "apart and many", "alike", "ids", "few ids", "ids of conversations", "few with the same"),
        *("a single span", "three each", "eight against one", "against nothing"),
    ],
)
def test_a_score_says_how_different(
    cells: dict[tuple[int, int], int], counts: tuple[int, int], least: float, most: float
) -> None:
    assert least <= score_of(cells, *counts) <= most


def test_chance_hardly_has_a_score() -> None:
    """Of a thousand fields in samples of the same spans, few have any, and that is small."""
    draw = random.Random(1)
    scores = []
    for _ in range(1000):
        kinds = draw.randrange(2, 30)
        here, there = (Counter(draw.randrange(kinds) for _ in range(count)) for count in (60, 300))
        scores.append(score_of(Counter((here[each], there[each]) for each in range(kinds)), 60, 300))
    assert sum(score > 0 for score in scores) < 30
    assert max(scores) < 0.25


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("", "", set()),
        ("red", "green", set()),
        ("status:error", "", {"status"}),
        ("status:error", "-status:error", {"status"}),
        ("status:error type:llm", "status:ok type:llm", {"status"}),
        ("start:>2026-01-01", "start:<2026-01-01", {"start_time"}),
        ("duration:>2s", "", {"duration_ns", "end_time"}),
        ("attr.plan:pro OR attr.n:>1", "attr.plan:pro", {"attr.n"}),
        ("resource.zone:1", "", {"resource.zone"}),
        ("score.good:1", "", set()),
        ("service:shop", "", {"service", "resource.service.name"}),
        ("attr.session.id:x", "", {"attr.session.id", "session_id"}),
    ],
)
def test_what_one_filter_names_is_left_out(one: str, other: str, names: set[str]) -> None:
    found = named_by_one(expression_of(one), expression_of(other))
    assert found >= names
    assert bool(found) is bool(names)
    assert names <= {"session_id", "attr.session.id"} or len(found) <= 3 or "service" in names
