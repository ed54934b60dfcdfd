"""The space of removed spans."""

from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_builder import NgramBuilder


class Space:
    """Gives space back to the disk after segments were removed or replaced."""

    def __init__(self, segments: Segments, ngrams: NgramBuilder) -> None:
        self._segments = segments
        self._ngrams = ngrams

    def give_back(self) -> None:
        """Remove n-gram files without a segment, and let the index file shrink. Blocks; in the flusher's thread."""
        self._ngrams.remove_gone()
        index.give_space_back(self._segments.connection)
