"""How much memory does an export or a backup take, and does that grow with the stored data?

A studio of its own is filled with spans. When it is idle, each format of the export and the backup are read to their
end over REST, one after the other, while the memory of the process is sampled every 10 ms; then it gets more spans, and
the same is done again. Not one byte of the answers is kept here.

Run from the repository: ``uv run python -m scripts.bench_export``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from scripts.load.figures import head, row
from scripts.load.machine import machine
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.payloads import Payloads
from scripts.load.senders import SENDERS
from scripts.load.watching import repeated

SPANS_A_REQUEST = 512
LOOK_SECONDS = 0.01
PIECE = 1024 * 1024
TIMEOUT = 120.0  # seconds of silence
EXPORT = "/api/v1/observability/export?format="
READS = {"jsonl": f"{EXPORT}jsonl", "csv": f"{EXPORT}csv", "parquet": f"{EXPORT}parquet", "backup": "/api/v1/backup"}
HEAD = head("spans", "what", "MB", "seconds", "RSS MB before", "most meanwhile", "more")


def fill(studio: OwnStudio, key: str, requests: int) -> None:
    payloads = Payloads(SPANS_A_REQUEST)
    with closing(SENDERS["http"](studio, key)) as sender:
        for _ in range(requests):
            sender.send(payloads.make("exported").body)


def rows(studio: OwnStudio, spans: int) -> Iterable[str]:
    """Print a line for each read."""
    for name, path in READS.items():
        before = studio.memory()
        began = time.perf_counter()
        size, most = read_and_watched(studio, path)
        seconds = time.perf_counter() - began
        yield row(
            f"{spans:,}", name, f"{size / 1e6:,.0f}", f"{seconds:.1f}", *map(megabytes, (before, most, most - before))
        )


def read_and_watched(studio: OwnStudio, path: str) -> tuple[int, int]:
    """The number of bytes read, and the most memory of the studio meanwhile."""
    looks = [studio.memory()]
    with repeated(lambda: looks.append(studio.memory()), LOOK_SECONDS):
        size = read_to_the_end(studio, path)
    return size, max(looks)


def read_to_the_end(studio: OwnStudio, path: str) -> int:
    """The number of bytes read."""
    with closing(HTTPConnection(HOST, studio.http_port, timeout=TIMEOUT)) as connection:
        connection.request("GET", path, headers={"Cookie": studio.cookie})
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {response.read()[:500]!r}")
        size = 0
        while piece := response.read(PIECE):
            size += len(piece)
    return size


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", nargs="+", type=int, default=(100_000, 400_000), help="stored at each look, rising")
    options = parser.parse_args()
    print(f"{machine()}\n\n{HEAD}")
    with tempfile.TemporaryDirectory() as folder, OwnStudio(Path(folder) / "data") as studio:
        key = studio.sign_up()
        stored = 0
        for spans in options.spans:
            requests = (spans - stored) // SPANS_A_REQUEST
            fill(studio, key, requests)
            stored += requests * SPANS_A_REQUEST
            for line in rows(studio, stored):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
