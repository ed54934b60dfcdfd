"""Siblings that describe one call: the same parent and model, at the same time, by different libraries."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import attrs

# Looks at other siblings that each may take, on average. Two or three libraries need as many as there are of them; only
# what was made to be slow needs more.
_LOOKS = 16


@attrs.frozen
class Sibling:
    """What describes one call so far: a span, or several. ``row`` names it; times are Unix nanoseconds."""

    row: int
    start: int
    end: int
    scopes: frozenset[int]  # of the libraries that tell of it
    failed: bool = attrs.field(kw_only=True)
    answered: bool = attrs.field(kw_only=True)  # the id of its answer is known

    def with_(self, other: "Sibling") -> "Sibling":
        """Both as one."""
        return Sibling(
            self.row,
            min(self.start, other.start),
            max(self.end, other.end),
            self.scopes | other.scopes,
            failed=self.failed and other.failed,
            answered=self.answered or other.answered,
        )

    def is_over(self, start: int) -> bool:
        """Whether it has no time in common with what starts then or later; a moment has its one."""
        return self.end <= start and self.start < start

    def excludes(self, other: "Sibling") -> bool:
        """Whether they are different calls: one library tells of each once, and two answers are two calls."""
        return (self.answered and other.answered) or not self.scopes.isdisjoint(other.scopes)


def paired(siblings: Sequence[Sibling], call_of: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Rows that describe one call, two at a time. Those that are known to have the same ``call_of`` are one already.

    One library has its spans in the order of the other's. A call that failed is first looked for among those that
    failed: an SDK may tell of each attempt, and the library of all of them in one span.
    """
    if len(siblings) == 1 or len({scope for sibling in siblings for scope in sibling.scopes}) == 1:
        return
    known: dict[int, Sibling] = {}
    for sibling in siblings:
        call = call_of(sibling.row)
        known[call] = known[call].with_(sibling) if call in known else sibling
    by_outcome = [[each for each in known.values() if each.failed is failed] for failed in (False, True)]
    pairs: list[tuple[int, int]] = []
    left = chain.from_iterable(_in_order(each, pairs) for each in by_outcome)
    _in_order(sorted(left, key=lambda each: each.start), pairs)
    yield from pairs


def _in_order(calls: Sequence[Sibling], pairs: list[tuple[int, int]]) -> list[Sibling]:
    """Put each with the first before it that it fits; what is left, and in ``pairs`` what was put together."""
    made: list[Sibling] = []
    begins: dict[tuple[frozenset[int], bool], int] = {}
    looks = _LOOKS * len(calls)
    for call in calls:
        kind = call.scopes, call.answered
        at = begins.get(kind, 0)
        # What does not fit now fits none of its kind that starts later.
        while at < len(made) and looks and (made[at].is_over(call.start) or made[at].excludes(call)):
            at, looks = at + 1, looks - 1
        begins[kind] = at
        if at < len(made) and looks:
            pairs.append((made[at].row, call.row))
            made[at] = made[at].with_(call)
        else:
            made.append(call)
    return made
