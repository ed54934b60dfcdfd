"""Losses: what of a run was not recorded, did not come, or contradicts itself."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import attrs

LossKind: TypeAlias = Literal[
    "running",  # the span has no end yet
    "contract_version",  # telemetry of a version that is not known here
    "no_start_state",
    "no_end_state",
    "not_full",  # a payload was redacted, left out or stored elsewhere
    "dropped_attributes",
    "dropped_events",
    "missing_transitions",
    "duplicate_transition",
    "revision_gap",
    "not_reconstructable",  # the sender says so
    "unreadable_patch",
    "failed_patch",
    "too_large",  # patches from here on were not applied
    "end_differs",
    "unreadable_graph",
    "more",  # losses than are listed
]
_MOST_LISTED: Final = 100
_LONGEST_DETAIL: Final = 300  # characters


@attrs.frozen
class Loss:
    """Something that is not there, in a sentence for people."""

    kind: LossKind
    detail: str


@attrs.frozen
class Integrity:
    """Whether what is shown of a run is all of it."""

    losses: tuple[Loss, ...]

    @property
    def verdict(self) -> Literal["complete", "partial"]:
        return "partial" if self.losses else "complete"


@attrs.define
class Losses:
    """A list that is being made: the first hundred losses, and how many more there were."""

    _found: list[Loss] = attrs.field(factory=list)
    _others: int = 0

    def add(self, kind: LossKind, detail: str) -> None:
        if len(self._found) < _MOST_LISTED:
            self._found.append(Loss(kind, detail[:_LONGEST_DETAIL]))
        else:
            self._others += 1

    def __iter__(self) -> Iterator[Loss]:
        yield from self._found
        if self._others:
            yield Loss("more", f"{self._others} losses more")
