"""Disjoint sets of numbers, joined two at a time (union-find)."""


class DisjointSets:
    """Each number is alone until it is joined. Any number of steps takes near-linear time."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}
        self._sizes: dict[int, int] = {}

    def find(self, member: int) -> int:
        """The number that stands for the whole set."""
        above = self._above
        while (parent := above.get(member, member)) != member:
            above[member] = member = above.get(parent, parent)
        return member

    def join(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        if one == other:
            return
        sizes = self._sizes
        if sizes.get(one, 1) < sizes.get(other, 1):
            one, other = other, one
        self._above[other] = one
        sizes[one] = sizes.get(one, 1) + sizes.get(other, 1)
