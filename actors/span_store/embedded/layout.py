"""Layout of the data folder."""

from pathlib import Path

import attrs

from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.sealed.torn_log import log_of


@attrs.frozen
class Folders:
    """Paths of the files, which lie beside the index file and bear its name, and the disk that changes them."""

    index: Path
    disk: Disk = DISK

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

    def settle(self) -> None:
        """Make durable what a killed process has left in the index, before anything is removed for its sake.

        Only while DuckDB does not have it open: who closes a file takes the locks away that the process has on it.
        """
        self.disk.make_folder(self.index.parent)
        for path in (self.index, log_of(self.index)):
            if path.exists():
                self.disk.sync_file(path)

    def make(self) -> None:
        """Make the folders, so that they are there after a power cut."""
        for folder in (self.journals, self.segments, self.grams):
            self.disk.make_folder(folder)
