"""Count back the stored spans, all and exactly, by a download of the studio's export.

The export reads every span of a service from where it is stored, checksums and all, and takes a tenth of the time that
pages of JSON take.
"""

from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import attrs
import pyarrow.parquet as pq

from scripts.load.own_studio import HOST, OwnStudio

_SECONDS = 600.0  # without a byte of the download
_BLOCK = 1024 * 1024  # bytes


@attrs.frozen
class Count:
    """Counts of the spans of a service. All is well when none is missing, twice or foreign."""

    stored: int
    missing: int
    twice: int
    foreign: int  # stored, but never sent

    def demand_all(self) -> None:
        if self.missing or self.twice or self.foreign:
            raise AssertionError(f"not what was sent: {self}")


def count_back(studio: OwnStudio, service: str, packed_ids: Iterable[bytes], folder: Path) -> Count:
    """Compare the stored spans of a service with those sent: for each trace its 16 bytes and 8 of each span."""
    expected = {ids[:16] + ids[begin : begin + 8] for ids in packed_ids for begin in range(16, len(ids), 8)}
    stored = twice = foreign = 0
    found = set[bytes]()
    for span in exported(studio, service, folder / "export.parquet"):
        stored += 1
        twice += span in found
        foreign += span not in expected
        found.add(span)
    return Count(stored=stored, missing=len(expected - found), twice=twice, foreign=foreign)


def exported(studio: OwnStudio, service: str, file: Path) -> Iterator[bytes]:
    """The ids of all stored spans of a service, 24 bytes each. The download is in the file meanwhile."""
    path = f"/api/v1/observability/export?format=parquet&service={quote(service, safe='')}"
    connection = HTTPConnection(HOST, studio.http_port, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"Cookie": studio.cookie})
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {response.read(500)!r}")
        with file.open("wb") as target:
            while block := response.read(_BLOCK):
                target.write(block)
        for batch in pq.ParquetFile(file).iter_batches(columns=["trace_id", "span_id"]):
            columns = (batch.column(name).to_pylist() for name in ("trace_id", "span_id"))
            for trace_id, span_id in zip(*columns, strict=True):
                yield bytes.fromhex(trace_id + span_id)
    finally:
        connection.close()
        file.unlink(missing_ok=True)
