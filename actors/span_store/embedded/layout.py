"""Layout of the data folder."""

from pathlib import Path

import attrs


@attrs.frozen
class Folders:
    """Paths of the files: all lie beside the index file and bear its name."""

    index: Path

    @property
    def journals(self) -> Path:
        return self.index.with_suffix(".journals")

    @property
    def segments(self) -> Path:
        return self.index.with_suffix(".segments")

    @property
    def grams(self) -> Path:
        """N-gram index files, which can be made again from the segments."""
        return self.index.with_suffix(".grams")

    @property
    def damaged(self) -> Path:
        """Damaged files, kept for whoever wants to look at them."""
        return self.index.parent / "damaged"

    def make(self) -> None:
        for folder in (self.journals, self.segments, self.grams):
            folder.mkdir(exist_ok=True)
