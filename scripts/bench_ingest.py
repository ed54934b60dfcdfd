"""How many spans a second does the studio acknowledge in a burst, and how soon does it answer when it is idle?

The studio is a process of its own with its default settings, on an empty data folder for each line of the table;
payloads are built and serialised before the clock starts. Acknowledged means durable and queryable: after each run
everything is counted back through REST, id by id. An empty receiver, which parses each request with the official
protobuf classes and throws it away (``scripts.load.empty_receiver``), takes the same requests in turn with the studio.
Each burst begins when all files of the one before have been made, and what they cost is counted.

The second table is about small requests that come one at a time.

Run from the repository: ``uv run python -m scripts.bench_ingest``.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import attrs

from scripts.load.empty_receiver import EmptyReceiver
from scripts.load.figures import head, middle, milliseconds, percentiles, row, spread
from scripts.load.files import wait_for_files
from scripts.load.machine import machine
from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, Sender
from scripts.load.sending import Sent, as_fast_as_acknowledged

SPANS_A_REQUEST = 512
SPANS_A_SMALL_REQUEST = 10
PAUSE = 0.02  # seconds between small requests
HEAD = head(
    *("protocol", "clients", "spans/s, median (min to max)", "empty receiver", "of it"),
    *("ack p50 ms", "p95", "p99", "max", "refused"),
    *("CPU s per 10,000 spans until acknowledged", "and with all files", "peak RSS MB"),
)
SMALL_HEAD = head("protocol", "requests", "ack p50 ms, median (min to max)", "p95", "max")


@attrs.frozen(kw_only=True)
class Run:
    """Results of one run of one configuration. Times in seconds."""

    spans_a_second: float
    empty_spans_a_second: float
    acknowledged_after: list[float]  # of each request
    refusals: int
    cpu_per_10k: float  # until all were acknowledged
    whole_cpu_per_10k: float  # until the last file was made


@attrs.frozen(kw_only=True)
class Line:
    """All runs of one configuration."""

    protocol: str
    clients: int
    runs: list[Run]
    peak_memory: int

    def row(self) -> str:
        speeds = [run.spans_a_second for run in self.runs]
        empty = [run.empty_spans_a_second for run in self.runs]
        delays = [run.acknowledged_after for run in self.runs]
        return row(
            self.protocol,
            self.clients,
            spread(speeds),
            spread(empty),
            f"{median(speeds) / median(empty):.0%}",
            *(milliseconds(middle(delays, share)) for share in (0.5, 0.95, 0.99)),
            milliseconds(max(map(max, delays))),
            sum(run.refusals for run in self.runs),
            f"{median(run.cpu_per_10k for run in self.runs):.2f}",
            f"{median(run.whole_cpu_per_10k for run in self.runs):.2f}",
            f"{self.peak_memory / 1e6:.0f}",
        )


@attrs.frozen(kw_only=True)
class Comparison:
    """The studio and the empty receiver with equal clients."""

    studio: OwnStudio
    data: Path
    ours: Sequence[Sender]
    theirs: Sequence[Sender]
    payloads: Payloads

    def run(self, service: str, spans: int) -> Run:
        """Send spans through all clients together, to both sides; then count back."""
        prepared = [self.payloads.make(service) for _ in range(-(-spans // SPANS_A_REQUEST))]
        spans = len(prepared) * SPANS_A_REQUEST
        _, empty_seconds = timed(self.theirs, prepared)
        before = self.studio.cpu_seconds()
        sent, seconds = timed(self.ours, prepared)
        cpu = self.studio.cpu_seconds() - before
        wait_for_files(self.data)
        whole_cpu = self.studio.cpu_seconds() - before
        count_back(self.studio, service, prepared)
        return Run(
            spans_a_second=spans / seconds,
            empty_spans_a_second=spans / empty_seconds,
            acknowledged_after=sent.delays,
            refusals=len(sent.refusals),
            cpu_per_10k=cpu / spans * 10_000,
            whole_cpu_per_10k=whole_cpu / spans * 10_000,
        )


def measure(protocol: str, clients: int, options: argparse.Namespace, payloads: Payloads) -> Line:
    """Measure one configuration: a fresh studio beside an empty receiver, a warm-up, the runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
        data = Path(folder) / "data"
        studio = stack.enter_context(OwnStudio(data))
        empty = stack.enter_context(EmptyReceiver())
        key = studio.sign_up()
        ours, theirs = (
            [stack.enter_context(closing(SENDERS[protocol](receiver, key))) for _ in range(clients)]
            for receiver in (studio, empty)
        )
        comparison = Comparison(studio=studio, data=data, ours=ours, theirs=theirs, payloads=payloads)
        comparison.run("warm-up", options.spans // 3)
        runs = [comparison.run(f"run-{number}", options.spans) for number in range(options.runs)]
        return Line(protocol=protocol, clients=clients, runs=runs, peak_memory=studio.peak_memory())


def timed(senders: Sequence[Sender], prepared: Sequence[Payload]) -> tuple[Sent, float]:
    began = time.perf_counter()
    sent = as_fast_as_acknowledged(senders, prepared)
    return sent, time.perf_counter() - began


def count_back(studio: OwnStudio, service: str, sent: Sequence[Payload]) -> None:
    """Check that every span that was sent is there, once, and no other."""
    stored = studio.stored(service)
    expected = {span for payload in sent for span in payload.ids}
    if len(stored) != len(expected) or set(stored) != expected:
        missing = len(expected - set(stored))
        raise AssertionError(f"{service}: sent {len(expected)}, stored {len(stored)}, missing {missing}")


def small_requests(protocol: str, options: argparse.Namespace) -> str:
    """A row about requests of a few spans, one at a time, on an otherwise idle studio."""
    payloads = Payloads(SPANS_A_SMALL_REQUEST)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
        studio = stack.enter_context(OwnStudio(Path(folder) / "data"))
        sender = stack.enter_context(closing(SENDERS[protocol](studio, studio.sign_up())))
        runs = [one_by_one(sender, payloads, options.small) for _ in range(options.runs + 1)][1:]
    halves, most = zip(*(percentiles(delays, 0.5, 0.95) for delays in runs), strict=True)
    return row(
        protocol,
        options.small,
        spread([delay * 1000 for delay in halves], ".1f"),
        spread([delay * 1000 for delay in most], ".1f"),
        milliseconds(max(map(max, runs))),
    )


def one_by_one(sender: Sender, payloads: Payloads, requests: int) -> list[float]:
    delays = []
    for _ in range(requests):
        body = payloads.make("small").body
        time.sleep(PAUSE)
        began = time.perf_counter()
        sender.send(body)
        delays.append(time.perf_counter() - began)
    return delays


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocols", nargs="+", choices=sorted(SENDERS), default=["http", "grpc"])
    parser.add_argument("--clients", nargs="*", type=int, default=[1, 4, 16])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--spans", type=int, default=100_000, help=f"a run, in requests of {SPANS_A_REQUEST}")
    parser.add_argument("--small", type=int, default=200, help="small requests a run")
    parser.add_argument("--folder", type=Path, help="where the data folders are made; default: the temporary folder")
    parser.add_argument("--json", type=Path, help="also write every run of the first table there")
    options = parser.parse_args()
    payloads = Payloads(SPANS_A_REQUEST)
    size = sum(len(payloads.make("size").body) for _ in range(20)) / 20 / SPANS_A_REQUEST
    print(f"{machine()}; {SPANS_A_REQUEST} spans a request of {size:,.0f} bytes; {options.runs} runs\n\n{HEAD}")
    lines = []
    for protocol in options.protocols:
        for clients in options.clients:
            lines.append(measure(protocol, clients, options, payloads))
            print(lines[-1].row(), flush=True)
    print(f"\n{SPANS_A_SMALL_REQUEST} spans a request\n\n{SMALL_HEAD}")
    for protocol in options.protocols:
        print(small_requests(protocol, options), flush=True)
    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(line) for line in lines]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
