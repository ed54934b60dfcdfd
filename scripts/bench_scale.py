"""How is the studio with millions of spans: its memory, its disk, reads while more come in, a start after kill -9?

First it is started several times on an empty folder. Then so many spans are stored, as fast as they are acknowledged,
of twenty services (``scripts.load.traffic``), with times that go evenly through the last day (``--hours``), so that
"the last hour" is a part of them. Then spans of the present come in at a fixed rate, by clients in a process of their
own, while one client reads over a connection that stays open, each answer to its end; the kinds of read take turns.
In the end the studio is killed and started again several times, and everything that was acknowledged is counted back,
id by id.

A text search answers with a page of 100 and says where to go on when there is more, or when it took a second. A
frequent word is in most spans, so that the page is full at once; a seldom one in every thousandth or so; an absent
one in none, so that everything has to be read.

The studio is a process of its own with its default settings. A refusal (429, 503) is waited for as it says, and
counted.

Run from the repository: ``uv run python -m scripts.bench_scale``.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import attrs

from scripts.load.counting import count_back
from scripts.load.figures import head, milliseconds, percentiles, row, spread
from scripts.load.files import files
from scripts.load.machine import machine
from scripts.load.own_load import Load, OwnLoad
from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payload
from scripts.load.senders import SENDERS, Sender
from scripts.load.sending import Sent, as_fast_as_acknowledged
from scripts.load.traffic import BUSIEST, RAREST, SPANS_A_REQUEST, Traffic
from scripts.load.watching import Rest

OBSERVABILITY = "/api/v1/observability"
LONGEST_START = 120.0  # seconds
LONGEST_WAIT = 300.0  # seconds, for the files that rule text out
NEWEST = 2  # sealed files that may be without
IDLE_SECONDS = 5.0  # between start and the look at the memory
WARM_UP = 3  # reads of each kind
FILES = {
    ".parquet": "sealed spans",
    ".grams": "what rules text out",
    ".unfinished": "spans being sealed",
    ".duckdb": "index",
    ".wal": "index, log",
    ".journal": "journals of spans that are not sealed",
}
FREQUENT, ABSENT = "the", "nobody wrote this"
START_HEAD = head("start", "seconds until /health is ok, median (min to max)", "RSS MB after 5 s")
FILL_HEAD = head("spans", "spans/s", "RSS MB", "peak RSS MB")
DISK_HEAD = head("files", "MB", "bytes a span")
READ_HEAD = head("read", "items", "answer", "goes on", "p50 ms", "p95 ms", "max ms")


@attrs.frozen(kw_only=True)
class Read:
    """A kind of read, and the results of its repetitions."""

    name: str
    path: Callable[[], str]
    seconds: list[float] = attrs.field(factory=list)
    sizes: list[int] = attrs.field(factory=list)
    spans: list[int] = attrs.field(factory=list)
    cut: list[bool] = attrs.field(factory=list)  # whether there is more than the answer

    def once(self, rest: Rest) -> None:
        path, began = self.path(), time.perf_counter()
        reply = rest.get(path)
        self.seconds.append(time.perf_counter() - began)
        self.sizes.append(len(reply.body))
        self.spans.append(len(reply.json))
        self.cut.append("link" in reply.headers)

    def row(self) -> str:
        seconds = self.seconds[WARM_UP:] or self.seconds
        times = (milliseconds(value) for value in (*percentiles(seconds, 0.5, 0.95), max(seconds)))
        return row(
            self.name, max(self.spans), f"{max(self.sizes):,} bytes", f"{sum(self.cut)} of {len(self.cut)}", *times
        )


def page_reads(traffic: Traffic) -> list[Read]:
    """The reads of the front end's pages."""

    def roots(service: str, **query: str) -> Callable[[], str]:
        return lambda: f"{OBSERVABILITY}/services/{service}/spans/root?{urlencode({'limit': '100', **query})}"

    return [
        Read(name="services", path=lambda: f"{OBSERVABILITY}/services"),
        Read(name="latest 100 roots, busiest service", path=roots(BUSIEST)),
        Read(name="latest 100 roots, rarest service", path=roots(RAREST)),
        Read(name="latest 100 LLM traces, busiest service", path=roots(BUSIEST, has_llm="true")),
        Read(name="latest 100 LLM traces, rarest service", path=roots(RAREST, has_llm="true")),
        Read(
            name="one trace with bodies, of any hour",
            path=lambda: f"{OBSERVABILITY}/traces/{traffic.any_trace()}/spans",
        ),
    ]


def searches(traffic: Traffic) -> list[Read]:
    """Text search: the first page."""

    def search(text: str, age: timedelta | None) -> Callable[[], str]:
        def path() -> str:
            since = {} if age is None else {"since": (datetime.now(UTC) - age).isoformat()}
            return f"{OBSERVABILITY}/search?{urlencode({'text': text, **since})}"

        return path

    texts = {"frequent": FREQUENT, "seldom": traffic.seldom_word(), "absent": ABSENT}
    return [
        Read(name=f"text, {kind}, {where}", path=search(text, age))
        for where, age in {"last hour": timedelta(hours=1), "everything": None}.items()
        for kind, text in texts.items()
    ]


class Progress:
    """Prints a row each time that a number of further spans was acknowledged."""

    def __init__(self, studio: OwnStudio, traffic: Traffic, every: int) -> None:
        self._studio, self._traffic, self._every = studio, traffic, every
        self._spans, self._moment = 0, time.perf_counter()  # at the last row
        self._lock = threading.Lock()

    def heard(self, payload: Payload) -> None:
        self._traffic.acknowledged(payload)
        with self._lock:
            if self._traffic.spans - self._spans >= self._every:
                self.print_row()

    def print_row(self) -> None:
        """Print the row of the spans since the last one, if there are any."""
        spans, now = self._traffic.spans, time.perf_counter()
        if spans == self._spans:
            return
        rate = (spans - self._spans) / (now - self._moment)
        memory = (f"{size / 1e6:.0f}" for size in (self._studio.memory(), self._studio.peak_memory()))
        print(row(f"{spans:,}", f"{rate:,.0f}", *memory), flush=True)
        self._spans, self._moment = spans, now


def fill(studio: OwnStudio, clients: Sequence[Sender], traffic: Traffic, options: argparse.Namespace) -> None:
    """Store the past spans."""
    print(f"\n{FILL_HEAD}")
    progress = Progress(studio, traffic, options.every)
    past = traffic.of_the_past(options.spans, options.hours * 3600)
    sent = as_fast_as_acknowledged(clients, past, progress.heard)
    progress.print_row()
    print(f"\n{said_of(sent)}")


def said_of(sent: Sent) -> str:
    p50, p99 = (milliseconds(value) for value in percentiles(sent.delays, 0.5, 0.99))
    refused = f"{len(sent.refusals)} were refused at first, and waited {sum(sent.refusals):.0f} s"
    return f"{len(sent.delays):,} requests acknowledged after {p50} ms (p50), {p99} ms (p99); {refused}."


def disk_rows(folder: Path, spans: int) -> Iterator[str]:
    """Sizes of the files, by kind."""
    sizes = Counter[str]()
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # journals come and go
            sizes[FILES.get(file.suffix, "accounts, keys, secrets")] += file.stat().st_size if file.is_file() else 0
    for kind, size in [*sizes.most_common(), ("all", sizes.total())]:
        yield row(kind, f"{size / 1e6:,.1f}", f"{size / spans:.1f}")


def read_all(rest: Rest, reads: Sequence[Read], times: int) -> None:
    """Repeat all reads; the kinds take turns."""
    for _ in range(WARM_UP + times):
        for read in reads:
            read.once(rest)
    print(*(read.row() for read in reads), sep="\n", flush=True)


def wait_for_grams(data_dir: Path, rest: Rest) -> str:
    """Wait until nearly all segments have n-gram indexes, which the studio builds when idle.

    The studio closes an idle connection, so its health is asked meanwhile.
    """
    began = time.perf_counter()
    while True:
        sealed, known = (files(data_dir, kind) for kind in ("parquet", "grams"))
        waited = time.perf_counter() - began
        if known >= sealed - NEWEST or waited > LONGEST_WAIT:
            return f"{waited:.0f} s after the reads before, text can be ruled out of {known} of {sealed} files."
        time.sleep(1)
        rest.get("/health")


def measure_reads(studio: OwnStudio, key: str, traffic: Traffic, data_dir: Path, options: argparse.Namespace) -> None:
    """Measure reads while spans of the present come in."""
    print(f"\n{options.rate:,.0f} spans/s come in; reads:\n\n{READ_HEAD}")
    load = Load.on(studio, key=key, protocol=options.protocol, clients=options.clients, rate=options.rate)
    with closing(Rest(studio)) as rest, OwnLoad(load) as coming_in:
        read_all(rest, page_reads(traffic), options.reads)
        print(f"\n{wait_for_grams(data_dir, rest)}\n\n{READ_HEAD}")
        read_all(rest, searches(traffic), options.searches)
    traffic.add(coming_in.outcome.traces)
    memory, peak = (f"{size / 1e6:.0f} MB" for size in (studio.memory(), studio.peak_memory()))
    said = said_of(coming_in.outcome.sent)
    print(f"\nMeanwhile {said} RSS {memory}, at most {peak}; {traffic.spans:,} spans stored.")


def start(data_dir: Path) -> tuple[OwnStudio, float]:
    """Start a studio; returns it with the seconds from the start of the process until it is healthy."""
    began = time.perf_counter()
    studio = OwnStudio(data_dir)
    while (health := studio.rest("GET", "/health").json)["status"] != "ok":
        if time.perf_counter() - began > LONGEST_START:
            studio.kill()
            raise AssertionError(f"not well: {health}")
        time.sleep(0.01)
    return studio, time.perf_counter() - began


def measure_starts(name: str, folders: Iterable[Path]) -> None:
    """Measure a start on each folder; each of them ends with kill -9."""
    seconds, memory = [], []
    for folder in folders:
        studio, took = start(folder)
        with studio:
            seconds.append(took)
            time.sleep(IDLE_SECONDS)
            memory.append(studio.memory() / 1e6)
    print(row(name, spread(seconds, ".2f"), spread(memory)), flush=True)


def count_all(data_dir: Path, traffic: Traffic, folder: Path) -> None:
    """Check that everything acknowledged is there, once."""
    studio, _ = start(data_dir)
    with studio:
        studio.sign_in()
        for service, ids in traffic.traces.items():
            count_back(studio, service, ids, folder).demand_all()
    print(f"\n{traffic.spans:,} spans were acknowledged, and are there: none is missing, twice or foreign.")


def measure(folder: Path, options: argparse.Namespace) -> None:
    data_dir, traffic = folder / "data", Traffic()
    with ExitStack() as stack:
        studio = stack.enter_context(OwnStudio(data_dir))
        key = studio.sign_up()
        clients = [stack.enter_context(closing(SENDERS[options.protocol](studio, key))) for _ in range(options.clients)]
        fill(studio, clients, traffic, options)
        print(f"\n{DISK_HEAD}", *disk_rows(data_dir, traffic.spans), sep="\n", flush=True)
        measure_reads(studio, key, traffic, data_dir, options)
    print(f"\n{START_HEAD}")
    measure_starts(f"with {traffic.spans:,} spans, after kill -9", [data_dir] * options.runs)
    if options.count:
        count_all(data_dir, traffic, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=5_000_000)
    parser.add_argument("--hours", type=float, default=24, help="that these spans go back")
    parser.add_argument("--every", type=int, default=500_000, help="spans between two looks at the memory")
    parser.add_argument(
        "--rate", type=float, default=10_000, help="spans a second that come in while reads are measured"
    )
    parser.add_argument("--reads", type=int, default=200, help="of each kind")
    parser.add_argument("--searches", type=int, default=20, help="of each kind")
    parser.add_argument("--runs", type=int, default=5, help="starts, of each kind")
    parser.add_argument("--protocol", choices=sorted(SENDERS), default="http")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument(
        "--count", action=argparse.BooleanOptionalAction, default=True, help="everything back, at the end"
    )
    parser.add_argument("--folder", type=Path, help="where the data folders are made; default: the temporary folder")
    options = parser.parse_args()
    print(f"{machine()}; {SPANS_A_REQUEST} spans a request\n\n{START_HEAD}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        empty = [Path(folder) / f"empty-{run}" / "data" for run in range(options.runs)]
        for each in empty:
            each.mkdir(parents=True)
        measure_starts("on an empty folder", empty)
        measure(Path(folder), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
