"""What a list is read from, and what was found of it."""

from pathlib import Path

import attrs
import duckdb

from actors.span_store.asked.lists import Place
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.span_table import View
from actors.span_store.embedded.text.ngram_files import NgramFiles


@attrs.frozen
class Stored:
    """Where spans are read."""

    cursor: duckdb.DuckDBPyConnection
    view: View
    segments: Path
    damage: Damage
    ngrams: NgramFiles


@attrs.frozen
class Found:
    """Places of a page, and of the first of the next one if it has any.

    ``goes_on`` is where the next page begins when there was no time to find all.
    """

    places: list[Place]
    goes_on: Place | None = None
