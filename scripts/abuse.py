"""Does an attacked studio go on serving its exporters?

Starts a studio of its own, sends it spans over HTTP and gRPC as exporters do, and meanwhile runs all attacks in turn,
each in a process of its own, for an equal part of the time. Prints a line for each: the slowest answer to an exporter,
the answers to ``/health``, and the memory at its end. The first line is no attack but a client that sends one request
after the other: what attacks are compared with. With ``--after SECONDS`` a second studio gets the same spans and no
attacks, and so much later the memory of both is compared.

Exit code 1 if a span was lost, an answer took more than a second, ``/health`` p99 was 250 ms or more, or 50 ms above
that beside the well-behaved client, or the attacked studio has more than 100 MB more than the other one.

Everything happens on loopback. Run from the repository: ``.venv/bin/python -m scripts.abuse --seconds 120``.
"""

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

import attrs

from scripts.attacks import bodies, connections
from scripts.attacks.target import Attack, Target
from scripts.load.figures import head, percentiles, row
from scripts.load.own_studio import OwnStudio, SpanId
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged

ATTACKS: dict[str, Attack] = {**connections.ATTACKS, **bodies.ATTACKS}
PEACE = "well-behaved"
_CLIENTS: dict[str, Attack] = {PEACE: connections.well_behaved, **ATTACKS}
_SERVICE = "honest"
_SPANS = 20
_PAUSE = 0.1  # seconds between requests of an exporter
_MOST_MORE_MB = 100
_MOST_SECONDS = 1.0  # for an answer
_MOST_P99 = 0.25  # seconds, of the answers to /health
_MOST_ABOVE_PEACE = 0.05  # seconds, of the same
_LOOK = 0.02  # seconds between requests for /health
_MB = 1024 * 1024


@attrs.define
class Exporter:
    """Sends its requests until it is told to stop, each again until it is acknowledged."""

    studio: OwnStudio
    key: str
    protocol: str
    payloads: Payloads
    acknowledged: list[SpanId] = attrs.field(factory=list)
    slowest: float = 0.0
    stopped: threading.Event = attrs.field(factory=threading.Event)

    def run(self) -> None:
        with closing(SENDERS[self.protocol](self.studio, self.key)) as sender:
            while not self.stopped.wait(_PAUSE):
                payload = self.payloads.make(_SERVICE)
                began = time.monotonic()
                while not self._sent(sender.send, payload):
                    time.sleep(_PAUSE)
                self.slowest = max(self.slowest, time.monotonic() - began)

    def _sent(self, send: Callable[[bytes], None], payload: Payload) -> bool:
        try:
            send(payload.body)
        except NotAcknowledged as refusal:
            if not refusal.retryable:
                raise
            return False
        self.acknowledged += payload.ids
        return True


class Served:
    """A studio and its exporters, for the length of a ``with`` block."""

    def __init__(self, folder: Path) -> None:
        self.studio = OwnStudio(folder / "data", log=str(folder / "log"))
        self.key = self.studio.sign_up()
        self.exporters = [
            Exporter(self.studio, self.key, protocol, Payloads(_SPANS, seed)) for seed, protocol in enumerate(SENDERS)
        ]
        self._threads = [
            threading.Thread(target=exporter.run, name="abuse-exporter", daemon=True) for exporter in self.exporters
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the exporters first: the ports of a studio that has ended may be those of another one next."""
        self._stop()
        self.studio.kill()

    def acknowledged_and_lost(self) -> tuple[int, int]:
        """Stop the exporters; returns the number of acknowledged spans, and of those that are missing."""
        self._stop()
        sent = {span for exporter in self.exporters for span in exporter.acknowledged}
        return len(sent), len(sent - set(self.studio.stored(_SERVICE)))

    def _stop(self) -> None:
        for exporter, thread in zip(self.exporters, self._threads, strict=True):
            exporter.stopped.set()
            thread.join()


def health_answers(studio: OwnStudio, until: float) -> list[float]:
    """How long answers to ``/health`` take until then, in seconds; one at least."""
    taken: list[float] = []
    while not taken or time.monotonic() < until:
        began = time.monotonic()
        studio.rest("GET", "/health")
        taken.append(time.monotonic() - began)
        time.sleep(_LOOK)
    return taken


def attack_by_name(name: str, target: Target) -> None:
    """Run an attack, as the process of the attack."""
    _CLIENTS[name](target)


def attacked(studio: OwnStudio, key: str, name: str, seconds: float) -> list[float]:
    """Run one attack; returns how long the answers to ``/health`` took meanwhile."""
    until = time.monotonic() + seconds
    target = Target(http_port=studio.http_port, otlp_port=studio.otlp_port, until=until, key=key)
    attack = multiprocessing.get_context("forkserver").Process(target=attack_by_name, args=(name, target), daemon=True)
    attack.start()
    try:
        return health_answers(studio, until)
    finally:
        attack.join(10)
        attack.kill()
        attack.join()


@attrs.frozen
class Times:
    """How long answers took while one client was there, in seconds."""

    exporter: float  # the slowest
    health: float  # the slowest
    health_p99: float

    def are_good(self, peace: "Times") -> bool:
        most = min(_MOST_P99, peace.health_p99 + _MOST_ABOVE_PEACE)
        return max(self.exporter, self.health) <= _MOST_SECONDS and self.health_p99 <= most


def run(names: Sequence[str], seconds: float, after: float, folder: Path) -> bool:
    """Run all attacks. False if a span was lost, an answer was late, or memory was not freed."""
    with ExitStack() as stack:
        served = stack.enter_context(Served(_made(folder / "attacked")))
        other = stack.enter_context(Served(_made(folder / "other"))) if after else None
        print(head("client", "slowest answer to an exporter, ms", "to /health, ms", "/health p99, ms", "RSS MB"))
        peace, *times = [_times(served, name, seconds / (len(names) + 1)) for name in (PEACE, *names)]
        good = all(each.are_good(peace) for each in times)
        print(f"\nmost memory {served.studio.peak_memory() // _MB} MB")
        if other is not None:
            time.sleep(after)
            more = (served.studio.memory() - other.studio.memory()) // _MB
            print(f"{after:.0f} s later {served.studio.memory() // _MB} MB, {more} MB more than without attacks")
            good = good and more <= _MOST_MORE_MB
        acknowledged, lost = served.acknowledged_and_lost()
        print(f"{acknowledged} spans acknowledged, {lost} lost")
    return good and not lost


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _times(served: Served, name: str, seconds: float) -> Times:
    """Run one client and print its line."""
    for exporter in served.exporters:
        exporter.slowest = 0.0
    health = attacked(served.studio, served.key, name, seconds)
    slowest = max(exporter.slowest for exporter in served.exporters)
    times = Times(slowest, max(health), *percentiles(health, 0.99))
    figures = [f"{each * 1000:.0f}" for each in (times.exporter, times.health, times.health_p99)]
    print(row(name, *figures, served.studio.memory() // _MB), flush=True)
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all attacks together")
    parser.add_argument("--after", type=float, default=0.0, help="seconds; compare the memory with a studio in peace")
    parser.add_argument("attacks", nargs="*", help=f"some of: {', '.join(ATTACKS)}; default: all")
    given = parser.parse_args()
    unknown = set(given.attacks) - set(ATTACKS)
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(given.attacks or list(ATTACKS), given.seconds, given.after, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
