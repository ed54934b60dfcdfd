"""At what level cells are added up: for each bucket of a group, or for the whole group."""

from enum import Enum
from typing import NamedTuple


class Place(NamedTuple):
    """A bucket of a group; of none, the whole group. The group that has all others is ``OTHERS``."""

    gid: int
    bucket: int | None


class Level(Enum):
    """``bucket`` is the column in SQL."""

    BUCKETS = "bucket"
    GROUPS = "NULL::INTEGER"

    @property
    def bucket(self) -> str:
        return self.value


OTHERS = -1
