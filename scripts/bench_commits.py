"""Does this checkout take spans in as cheaply as another? Both studios run at once and get the same requests in turn.

A machine that is shared is fast in one minute and slow in the next, by a factor of two. So the turns are short, a few
requests long, and what slows one side slows the other. Each round ends when both are at rest: CPU seconds are those of
the whole process, with the flushes that the spans caused.

With ``--stored`` both are given so many spans besides, in chunks in turn, each as fast as it is acknowledged, and then
asked the same reads in turn while more spans come in to both: see ``scripts.bench_scale`` for what these are.

Run from the repository, with the folder of the other checkout, which has to run in the same environment:
``uv run python -m scripts.bench_commits OTHER``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path

import attrs

from scripts.bench_scale import page_reads, searches
from scripts.load.figures import head, milliseconds, percentiles, row, spread
from scripts.load.machine import machine
from scripts.load.own_load import Load, OwnLoad
from scripts.load.own_studio import ROOT, OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, Sender
from scripts.load.sending import as_fast_as_acknowledged
from scripts.load.traffic import SPANS_A_REQUEST, Traffic
from scripts.load.watching import Rest

WARM_UP = 16  # requests
REST, AT_REST = 0.5, 0.01  # seconds, and CPU seconds within them
CHUNK = 102_400  # spans
CLIENTS, HOURS, RATE = 4, 24, 1_000  # the rate is spans a second to each side, while reads go


@attrs.frozen
class Side:
    """One of the studios, and who sends to it."""

    studio: OwnStudio
    key: str
    sender: Sender

    def send(self, payloads: Sequence[Payload]) -> float:
        """Send these; CPU seconds until the last of them was acknowledged."""
        before = self.studio.cpu_seconds()
        for payload in payloads:
            self.sender.send(payload.body)
        return self.studio.cpu_seconds() - before

    def rest(self) -> None:
        """Wait until the studio has nothing left to do."""
        before = -1.0
        while self.studio.cpu_seconds() - before > AT_REST:
            before = self.studio.cpu_seconds()
            time.sleep(REST)


def in_turn(number: int) -> tuple[int, int]:
    """Which side goes first changes each time."""
    return (0, 1) if number % 2 else (1, 0)


def one_round(sides: Sequence[Side], payloads: Sequence[Payload], turn: int) -> list[tuple[float, float]]:
    """CPU seconds of each side until its spans were acknowledged, and until it was at rest."""
    before = [side.studio.cpu_seconds() for side in sides]
    acknowledged = [0.0] * len(sides)
    for number, begin in enumerate(range(0, len(payloads), turn)):
        for which in in_turn(number):
            acknowledged[which] += sides[which].send(payloads[begin : begin + turn])
    for side in sides:
        side.rest()
    whole = [side.studio.cpu_seconds() - cpu for side, cpu in zip(sides, before, strict=True)]
    return list(zip(acknowledged, whole, strict=True))


@contextmanager
def both(protocol: str, other: Path, folder: Path) -> Iterator[list[Side]]:
    """Run both studios on empty folders: this checkout's first."""
    with ExitStack() as stack:
        sides = []
        for name, checkout in (("here", ROOT), ("there", other.resolve())):
            data = folder / name
            data.mkdir(parents=True)
            studio = stack.enter_context(OwnStudio(data / "data", PYTHONPATH=str(checkout)))
            key = studio.sign_up()
            sides.append(Side(studio, key, stack.enter_context(closing(SENDERS[protocol](studio, key)))))
        yield sides


def measure_cost(sides: Sequence[Side], options: argparse.Namespace) -> list[list[tuple[float, float]]]:
    """All rounds."""
    payloads = Payloads(options.request_spans)
    one_round(sides, [payloads.make("bench") for _ in range(WARM_UP)], options.turn)
    count = options.spans // options.request_spans
    return [
        one_round(sides, [payloads.make("bench") for _ in range(count)], options.turn) for _ in range(options.rounds)
    ]


def fill(sides: Sequence[Side], traffic: Traffic, spans: int) -> list[list[float]]:
    """Store spans of the past on both sides; the spans a second of each side's chunks."""
    past, rates = iter(traffic.of_the_past(spans, HOURS * 3600)), [list[float]() for _ in sides]
    while chunk := list(islice(past, CHUNK // SPANS_A_REQUEST)):
        for side, found in zip(sides, rates, strict=True):
            found.append(len(chunk) * SPANS_A_REQUEST / seconds_of(side, chunk))
        for payload in chunk:
            traffic.acknowledged(payload)
    return rates


def seconds_of(side: Side, chunk: Sequence[Payload]) -> float:
    """Send these as fast as they are acknowledged; how long that takes."""
    with ExitStack() as stack:
        make = SENDERS["http"]
        clients = [stack.enter_context(closing(make(side.studio, side.key))) for _ in range(CLIENTS)]
        began = time.perf_counter()
        as_fast_as_acknowledged(clients, chunk)
        return time.perf_counter() - began


def measure_reads(sides: Sequence[Side], traffic: Traffic, times: int) -> Iterator[str]:
    """A row for each kind of read: the answers' times on both sides, asked in turn, and the ratio of the medians."""
    with ExitStack() as stack:
        rests = [stack.enter_context(closing(Rest(side.studio))) for side in sides]
        for side in sides:
            load = Load.on(side.studio, key=side.key, protocol="http", clients=1, rate=RATE)
            stack.enter_context(OwnLoad(load))
        for read in [*page_reads(traffic), *searches(traffic)]:
            seconds: list[list[float]] = [[] for _ in sides]
            for number in range(times):
                path = read.path()
                for which in in_turn(number):
                    began = time.perf_counter()
                    rests[which].get(path)
                    seconds[which].append(time.perf_counter() - began)
            yield reads_row(read.name, *seconds)


def reads_row(name: str, here: Sequence[float], there: Sequence[float]) -> str:
    figures = [percentiles(seconds, 0.5, 0.95) for seconds in (here, there)]
    shown = [" / ".join(map(milliseconds, each)) for each in figures]
    return row(name, *shown, f"{figures[0][0] / figures[1][0]:.2f}")


def figures(title: str, here: Sequence[float], there: Sequence[float], spans: int) -> str:
    """CPU seconds for 10,000 spans, medians with their range, and the median of the rounds' ratios."""
    ratios = [one / other for one, other in zip(here, there, strict=True)]
    sides = [spread([seconds * 10_000 / spans for seconds in each], ".3f") for each in (here, there)]
    return row(title, *sides, spread(ratios, ".3f"))


def measure_stored(options: argparse.Namespace) -> None:
    """Fill both sides and read from them."""
    traffic = Traffic()
    with tempfile.TemporaryDirectory() as folder, both("http", options.other, Path(folder)) as sides:
        here, there = fill(sides, traffic, options.stored)
        print(f"\n{head(f'{options.stored:,} spans stored', 'here', 'there', 'here / there')}")
        ratios = [one / other for one, other in zip(here, there, strict=True)]
        print(row(f"spans/s, chunks of {CHUNK:,}", spread(here), spread(there), spread(ratios, ".2f")), flush=True)
        for side in sides:
            side.rest()
        for line in measure_reads(sides, traffic, options.reads):
            print(line, flush=True)


def main() -> int:
    """Measure each protocol and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--protocols", nargs="+", choices=sorted(SENDERS), default=["http", "grpc"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--spans", type=int, default=24_576, help="of a round, for each side")
    parser.add_argument("--request-spans", type=int, default=512)
    parser.add_argument("--turn", type=int, default=2, help="requests of one side before the other's turn")
    parser.add_argument("--stored", type=int, default=0, help="spans of the past on each side; 0: no reads")
    parser.add_argument("--reads", type=int, default=60, help="of each kind, on each side")
    options = parser.parse_args()
    print(f"{machine()}; {options.rounds} rounds of {options.spans:,} spans, {options.request_spans} a request\n")
    print(head("CPU seconds for 10,000 spans", "here", str(options.other.name), "here / there"))
    for protocol in options.protocols:
        with tempfile.TemporaryDirectory() as folder, both(protocol, options.other, Path(folder)) as sides:
            rounds = measure_cost(sides, options)
        for title, part in (("acknowledged", 0), ("at rest", 1)):
            here, there = ([each[side][part] for each in rounds] for side in (0, 1))
            print(figures(f"{protocol}, {title}", here, there, options.spans), flush=True)
    if options.stored:
        measure_stored(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
