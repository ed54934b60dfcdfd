"""How many spans a second does the studio take for long, and how does it behave at half of that?

The first table is about so many spans as fast as they are acknowledged. The clock stops when all are, and reads through
REST have shown the last of them; then everything is counted back, id by id (``scripts.load.counting``). Requests are
built and serialised before the clock starts, which takes 2.4 KB of memory a span.

The second table goes on with the same studio at half the rate of the first (or ``--rate``), with requests at fixed
times, whatever becomes of those before (``scripts.load.sending``). A delay counts from when the request was due. It
has in it what keeps the clients, which are threads of this process: the last column has the longest pause of that.
Meanwhile a reader asks through REST for a span of each request that it hears was acknowledged, until it is there.

In both, ``GET /health`` is asked every 20 ms over a connection of its own. Retention does its work every five minutes:
``--half-spans 7000000 --retention-gb 1`` lasts long enough to see it; nothing can be counted back then.

Each run has a studio of its own, in a process of its own, with its default settings on an empty folder.
Run from the repository: ``uv run python -m scripts.bench_sustained``.
"""

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

import attrs

from scripts.load.counting import count_back
from scripts.load.figures import head, middle, milliseconds, row, spread
from scripts.load.machine import machine
from scripts.load.memory import give_back
from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, Sender
from scripts.load.sending import Sent, as_fast_as_acknowledged, on_schedule
from scripts.load.watching import FreshnessWatch, OwnPauses, Rest, StudioWatch, repeated, watch_closely

SPANS_A_REQUEST = 512
WARM_UP_SPANS = 20_000
STALL = 0.3  # seconds
FULL, HALF = "full", "half"  # the services of the two phases
DELAYS = ("ack p50 ms", "p95", "p99", "max", "over 300 ms", "refused")
COSTS = (
    *("/health p50 ms", "p99", "max", "CPU s per 10,000 spans", "RSS MB, median", "most"),
    "own pauses ms, max",  # of this process
)
FULL_HEAD = head("protocol", "clients", "spans", "spans/s, median (min to max)", *DELAYS, *COSTS)
HALF_HEAD = head(
    *("protocol", "clients", "spans", "spans/s offered", *DELAYS),
    *("ack to queryable p50 ms", "p99", "max", "there at the first look", *COSTS),
)


@attrs.frozen(kw_only=True)
class Phase:
    """Results of one phase of one run."""

    spans: int
    spans_a_second: float  # acknowledged and readable; or offered
    sent: Sent
    watch: StudioWatch
    pauses: OwnPauses
    freshness: FreshnessWatch | None = None


@attrs.frozen(kw_only=True)
class Run:
    """A studio, its clients, and both phases on it."""

    studio: OwnStudio
    folder: Path
    clients: Sequence[Sender]
    payloads: Payloads
    health: Rest
    reader: Rest

    def warm_up(self) -> None:
        as_fast_as_acknowledged(self.clients, self._requests("warm-up", WARM_UP_SPANS))

    def full(self, spans: int) -> Phase:
        """Send as fast as acknowledged."""
        prepared = deque(self._requests(FULL, spans))
        ids = [packed for payload in prepared for packed in payload.packed_ids]
        spans, last = len(prepared) * SPANS_A_REQUEST, deque[Payload](maxlen=len(self.clients))
        pauses = OwnPauses()
        with repeated(pauses.look, every=0), StudioWatch(self.studio, self.health) as watch:
            began = time.perf_counter()
            sent = as_fast_as_acknowledged(self.clients, taken(prepared), last.append)
            if not all(self.reader.has(payload.ids[-1]) for payload in last):
                raise AssertionError("spans were acknowledged and cannot be read")
            seconds = time.perf_counter() - began
        count_back(self.studio, FULL, ids, self.folder).demand_all()
        return Phase(spans=spans, spans_a_second=spans / seconds, sent=sent, watch=watch, pauses=pauses)

    def half(self, spans: int, rate: float, *, all_kept: bool) -> Phase:
        """Send at fixed times, so that ``rate`` spans a second are offered."""
        freshness, ids = FreshnessWatch(self.reader), list[bytes]()

        def heard(payload: Payload) -> None:
            ids.extend(payload.packed_ids)
            freshness.heard(payload)

        watch, pauses = StudioWatch(self.studio, self.health), OwnPauses()
        with repeated(pauses.look, every=0), watch, repeated(freshness.look, every=0):
            sent = on_schedule(self.clients, self._requests(HALF, spans), SPANS_A_REQUEST / rate, heard)
        if all_kept:
            count_back(self.studio, HALF, ids, self.folder).demand_all()
        spans = len(sent.delays) * SPANS_A_REQUEST
        return Phase(spans=spans, spans_a_second=rate, sent=sent, watch=watch, pauses=pauses, freshness=freshness)

    def _requests(self, service: str, spans: int) -> Iterator[Payload]:
        return (self.payloads.make(service) for _ in range(-(-spans // SPANS_A_REQUEST)))


def taken(prepared: deque[Payload]) -> Iterator[Payload]:
    """Iterate over all items, keeping none that was taken."""
    while prepared:
        yield prepared.popleft()


def measure(protocol: str, options: argparse.Namespace, payloads: Payloads) -> tuple[Phase, Phase]:
    """One run of both phases."""
    retention = {} if options.retention_gb is None else {"JUNJO_RETENTION_GB": options.retention_gb}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        studio = stack.enter_context(OwnStudio(folder / "data", **retention))
        key = studio.sign_up()
        run = Run(
            studio=studio,
            folder=folder,
            clients=[stack.enter_context(closing(SENDERS[protocol](studio, key))) for _ in range(options.clients)],
            payloads=payloads,
            health=stack.enter_context(closing(Rest(studio))),
            reader=stack.enter_context(closing(Rest(studio))),
        )
        run.warm_up()
        full = run.full(options.spans)
        give_back()
        rate = options.rate or full.spans_a_second / 2
        return full, run.half(options.half_spans, rate, all_kept=not retention)


def cells(protocol: str, clients: int, phases: Sequence[Phase]) -> tuple[list[str], list[str]]:
    """The cells of a row from all runs: those before the freshness, and those behind it."""
    delays = [phase.sent.delays for phase in phases]
    health = [phase.watch.health for phase in phases]
    memory = [size / 1e6 for phase in phases for size in phase.watch.memory]
    cpu = median(phase.watch.cpu / phase.spans * 10_000 for phase in phases)
    first = [
        *(protocol, str(clients), f"{phases[0].spans:,}", spread([phase.spans_a_second for phase in phases])),
        *(milliseconds(middle(delays, share)) for share in (0.5, 0.95, 0.99)),
        milliseconds(max(map(max, delays))),
        str(sum(delay > STALL for run in delays for delay in run)),
        str(sum(len(phase.sent.refusals) for phase in phases)),
    ]
    last = [
        *(milliseconds(middle(health, share)) for share in (0.5, 0.99)),
        milliseconds(max(map(max, health))),
        f"{cpu:.2f}",
        *(f"{size:.0f}" for size in (median(memory), max(memory))),
        milliseconds(max(phase.pauses.longest for phase in phases)),
    ]
    return first, last


def freshness_cells(phases: Sequence[Phase]) -> list[str]:
    watches = [phase.freshness for phase in phases if phase.freshness is not None]
    seconds = [watch.seconds for watch in watches]
    looks = [asked for watch in watches for asked in watch.asked]
    return [
        *(milliseconds(middle(seconds, share)) for share in (0.5, 0.99)),
        milliseconds(max(map(max, seconds))),
        f"{looks.count(1):,} of {len(looks):,}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocols", nargs="+", choices=sorted(SENDERS), default=["http", "grpc"])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--spans", type=int, default=2_000_000, help="of a run as fast as acknowledged")
    parser.add_argument("--half-spans", type=int, default=1_000_000, help="of a run at half the rate")
    parser.add_argument("--rate", type=float, help="spans a second of that; default: half of what was acknowledged")
    parser.add_argument("--retention-gb", help="JUNJO_RETENTION_GB of the studio")
    parser.add_argument("--folder", type=Path, help="where the data folders are made; default: the temporary folder")
    options = parser.parse_args()
    watch_closely()
    payloads = Payloads(SPANS_A_REQUEST)
    print(f"{machine()}; {SPANS_A_REQUEST} spans a request; {options.runs} runs\n\n{FULL_HEAD}")
    rows = []
    for protocol in options.protocols:
        runs = [measure(protocol, options, payloads) for _ in range(options.runs)]
        first, last = cells(protocol, options.clients, [full for full, _ in runs])
        print(row(*first, *last), flush=True)
        halves = [half for _, half in runs]
        first, last = cells(protocol, options.clients, halves)
        rows.append(row(*first, *freshness_cells(halves), *last))
    print(f"\n{HALF_HEAD}", *rows, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
