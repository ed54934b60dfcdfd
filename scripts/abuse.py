"""Does a studio that strangers attack go on serving its exporters?

Starts a studio of its own, sends it spans over HTTP and gRPC as exporters do, and meanwhile runs all attacks in turn,
each in a process of its own, for an equal part of the time. Prints a line for each: the slowest answer to an exporter
and to ``/health``, and the memory at its end. Exit code 1 if a span was lost or an answer took more than a second.

Everything happens on loopback. Run from the repository: ``.venv/bin/python -m scripts.abuse --seconds 120``.
"""

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from scripts.attacks import bodies, connections
from scripts.attacks.target import Attack, Target
from scripts.load.own_studio import OwnStudio, SpanId
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged

ATTACKS: dict[str, Attack] = {**connections.ATTACKS, **bodies.ATTACKS}
_SERVICE = "honest"
_SPANS = 50
_PAUSE = 0.05  # seconds between requests of an exporter
_MOST_SECONDS = 1.0  # for an answer
_MB = 1024 * 1024


@attrs.define
class Exporter:
    """Sends requests of its own until it is told to stop, each again until it is acknowledged."""

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


def slowest_health(studio: OwnStudio, until: float) -> float:
    """The slowest answer to ``/health`` until then, in seconds."""
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        studio.rest("GET", "/health")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(_PAUSE)
    return slowest


def attack_by_name(name: str, target: Target) -> None:
    """In the process of the attack."""
    ATTACKS[name](target)


def attacked(studio: OwnStudio, key: str, name: str, seconds: float) -> float:
    """Run one attack; the slowest answer to ``/health`` meanwhile."""
    until = time.monotonic() + seconds
    target = Target(http_port=studio.http_port, otlp_port=studio.otlp_port, until=until, key=key)
    attack = multiprocessing.get_context("forkserver").Process(target=attack_by_name, args=(name, target), daemon=True)
    attack.start()
    try:
        return slowest_health(studio, until)
    finally:
        attack.join(10)
        attack.kill()
        attack.join()


def run(names: Sequence[str], seconds: float, folder: Path) -> bool:
    """Whether no span was lost and every answer came in time."""
    good = True
    with OwnStudio(folder / "data") as studio:
        key = studio.sign_up()
        exporters = [Exporter(studio, key, protocol, Payloads(_SPANS, seed)) for seed, protocol in enumerate(SENDERS)]
        threads = [threading.Thread(target=exporter.run, daemon=True) for exporter in exporters]
        for thread in threads:
            thread.start()
        print("| attack | slowest answer to an exporter, ms | to /health, ms | RSS MB |\n|---|---|---|---|")
        for name in names:
            for exporter in exporters:
                exporter.slowest = 0.0
            health = attacked(studio, key, name, seconds / len(names))
            slowest = max(exporter.slowest for exporter in exporters)
            good = good and max(slowest, health) <= _MOST_SECONDS
            print(f"| {name} | {slowest * 1000:.0f} | {health * 1000:.0f} | {studio.memory() // _MB} |", flush=True)
        for exporter, thread in zip(exporters, threads, strict=True):
            exporter.stopped.set()
            thread.join()
        sent = [span for exporter in exporters for span in exporter.acknowledged]
        lost = len(set(sent) - set(studio.stored(_SERVICE)))
        print(f"\n{len(sent)} spans acknowledged, {lost} lost; most memory {studio.peak_memory() // _MB} MB")
    return good and not lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all attacks together")
    parser.add_argument("attacks", nargs="*", help=f"some of: {', '.join(ATTACKS)}; default: all")
    given = parser.parse_args()
    unknown = set(given.attacks) - set(ATTACKS)
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(given.attacks or list(ATTACKS), given.seconds, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
