"""How many spans a second does the studio make durable and queryable?

The studio is a process of its own with its default settings, on an empty data folder for each line of the table;
payloads are built and serialised before the clock starts. After each run everything is counted back through REST, id
by id. Run from the repository: ``uv run python -m scripts.bench_ingest``.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import attrs

from scripts.load.machine import machine
from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, Sender

SPANS_A_REQUEST = 512
HEAD = (
    "| protocol | clients | spans/s, median (min to max) | ack p50 ms | p95 | p99 | max "
    "| CPU s per 10,000 spans | peak RSS MB |\n|---|---|---|---|---|---|---|---|---|"
)


@attrs.frozen(kw_only=True)
class Run:
    """What one run of one configuration showed. Times in seconds."""

    spans_a_second: float
    acknowledged_after: tuple[float, ...]  # of each request, ascending
    cpu_per_10k: float


@attrs.frozen(kw_only=True)
class Line:
    """All runs of one configuration."""

    protocol: str
    clients: int
    runs: tuple[Run, ...]
    peak_memory: int

    def row(self) -> str:
        speeds = [run.spans_a_second for run in self.runs]
        delays = " | ".join(f"{self._delay(share) * 1000:.0f}" for share in (0.5, 0.95, 0.99))
        longest = max(run.acknowledged_after[-1] for run in self.runs)
        cpu = statistics.median(run.cpu_per_10k for run in self.runs)
        return (
            f"| {self.protocol} | {self.clients} "
            f"| {statistics.median(speeds):,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f}) "
            f"| {delays} | {longest * 1000:.0f} | {cpu:.2f} | {self.peak_memory / 1e6:.0f} |"
        )

    def _delay(self, share: float) -> float:
        """The percentile of each run; the median of these."""
        return statistics.median(percentile(run.acknowledged_after, share) for run in self.runs)


def percentile(ascending: Sequence[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def measure(protocol: str, clients: int, options: argparse.Namespace, payloads: Payloads) -> Line:
    """One configuration: a fresh studio, a warm-up, the runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
        studio = stack.enter_context(OwnStudio(Path(folder) / "data"))
        key = studio.sign_up()
        senders = [stack.enter_context(closing(SENDERS[protocol](studio, key))) for _ in range(clients)]
        run(studio, senders, payloads, "warm-up", max(clients, options.requests // 3))
        runs = [run(studio, senders, payloads, f"run-{number}", options.requests) for number in range(options.runs)]
        return Line(protocol=protocol, clients=clients, runs=tuple(runs), peak_memory=studio.peak_memory())


def run(studio: OwnStudio, senders: Sequence[Sender], payloads: Payloads, service: str, requests: int) -> Run:
    """Send so many requests through all clients together, then count back."""
    prepared = [payloads.make(service) for _ in range(requests)]
    cpu, began = studio.cpu_seconds(), time.perf_counter()
    delays = send_all(senders, [payload.body for payload in prepared])
    seconds, cpu = time.perf_counter() - began, studio.cpu_seconds() - cpu
    count_back(studio, service, prepared)
    spans = requests * SPANS_A_REQUEST
    return Run(
        spans_a_second=spans / seconds, acknowledged_after=tuple(sorted(delays)), cpu_per_10k=cpu / spans * 10_000
    )


def send_all(senders: Sequence[Sender], bodies: Sequence[bytes]) -> list[float]:
    """Each client takes the next body as soon as its last one is acknowledged; the delays of all."""
    waiting, delays, failures = iter(bodies), [], []
    taking = threading.Lock()

    def client(sender: Sender) -> None:
        while True:
            with taking:
                body = next(waiting, None)
            if body is None:
                return
            began = time.perf_counter()
            try:
                sender.send(body)
            except Exception as fault:  # noqa: BLE001 - raised again by the main thread
                failures.append(fault)
                return
            delays.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return delays


def count_back(studio: OwnStudio, service: str, sent: Sequence[Payload]) -> None:
    """Every span that was sent is there, once, and no other."""
    stored = studio.stored(service)
    expected = {span for payload in sent for span in payload.ids}
    if len(stored) != len(expected) or set(stored) != expected:
        missing = len(expected - set(stored))
        raise AssertionError(f"{service}: sent {len(expected)}, stored {len(stored)}, missing {missing}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocols", nargs="+", choices=sorted(SENDERS), default=["http", "grpc"])
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=60, help=f"a run, of {SPANS_A_REQUEST} spans each")
    parser.add_argument("--folder", type=Path, help="where the data folders are made; default: the temporary folder")
    parser.add_argument("--json", type=Path, help="also write every run there")
    options = parser.parse_args()
    payloads = Payloads(SPANS_A_REQUEST)
    size = len(payloads.make("size").body) / SPANS_A_REQUEST
    print(f"{machine()}; {SPANS_A_REQUEST} spans a request of {size:,.0f} bytes; {options.runs} runs\n\n{HEAD}")
    lines = []
    for protocol in options.protocols:
        for clients in options.clients:
            lines.append(measure(protocol, clients, options, payloads))
            print(lines[-1].row(), flush=True)
    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(line) for line in lines]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
