"""Kill the studio in the middle of load, again and again, and look for what it had acknowledged.

Each round starts the studio on the same folder, lets several clients send over HTTP and gRPC, ends it with SIGKILL,
starts it again and counts back through REST: every acknowledged span is there, none twice. Then the clients send again
what they had no answer for, as exporters do, and everything is counted again, in the files too.

Every other kill comes at a random moment; the others come inside of the store, at one of its delicate points after the
other (scripts/load/mortal_studio.py). When the point is in a deletion, the service that is being deleted is gone
afterwards at the latest when the deletion is asked for again, and it takes nothing else with it.

Run from the repository: ``uv run python -m scripts.torture``.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from pathlib import Path

import attrs

from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.upkeep.inspection import inspect
from scripts.load.machine import machine
from scripts.load.mortal_studio import POINTS
from scripts.load.own_studio import OwnStudio, SpanId
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged, Sender

CLIENTS = ("http", "grpc") * 3
SPANS_A_REQUEST = (1, 20, 200)
MOST_REQUESTS = 150  # acknowledged before the kill
SERVICES = "/api/v1/observability/services"
DOOMED = "doomed"
ANY_MOMENT = ""
EVERY_OTHER = tuple(each for point, where in POINTS.items() if where.in_load for each in (ANY_MOMENT, point))
HEAD = (
    "| round | requests acknowledged | spans acknowledged | in doubt | of these stored | missing | twice "
    "| faults in files | start s | killed at |\n|---|---|---|---|---|---|---|---|---|---|"
)


class Load:
    """Clients that send until they are told to stop or the studio is gone; knows what was acknowledged.

    Each payload is sent once, so that what has no answer is in doubt: it may be stored or not.
    """

    def __init__(
        self,
        studio: OwnStudio,
        key: str,
        service: str,
        mixture: Sequence[Payloads],
        clients: Sequence[str] = CLIENTS,
    ) -> None:
        self.acknowledged: list[Payload] = []
        self.in_doubt: list[Payload] = []
        self.refusals: list[NotAcknowledged] = []
        self._mixture = mixture
        self._service = service
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._open = ExitStack()
        senders = [self._open.enter_context(closing(SENDERS[protocol](studio, key))) for protocol in clients]
        self._threads = [threading.Thread(target=self._client, args=(sender,)) for sender in senders]
        for thread in self._threads:
            thread.start()

    def wait_for(self, requests: int) -> None:
        """Until so many are acknowledged, or no client lives any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.acknowledged) >= requests or not self._alive())

    def join(self) -> None:
        """Stop the clients; each waits for its last answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._open.close()

    def _client(self, sender: Sender) -> None:
        while not self._stop.is_set():
            with self._changed:  # payloads are made by one thread at a time
                payload = random.choice(self._mixture).make(self._service)
            try:
                sender.send(payload.body)
            except NotAcknowledged as refusal:
                self._note(self.in_doubt, payload, refusal)
                return
            self._note(self.acknowledged, payload)

    def _note(self, kind: list[Payload], payload: Payload, refusal: NotAcknowledged | None = None) -> None:
        with self._changed:
            kind.append(payload)
            if refusal is not None:
                self.refusals.append(refusal)
            self._changed.notify_all()

    def _alive(self) -> bool:
        return len(self.refusals) < len(self._threads)


@attrs.frozen(kw_only=True)
class Finding:
    """What was there after a kill. All is well when nothing is missing, twice or foreign."""

    requests: int
    acknowledged: int  # spans, like all below
    in_doubt: int
    rescued: int  # in doubt, but stored
    missing: int
    twice: int
    foreign: int  # stored, but never sent
    start_seconds: float
    point: str = ANY_MOMENT  # of the kill; in brackets when it was not reached
    faults: tuple[str, ...] = ()  # in the files

    @property
    def good(self) -> bool:
        return self.missing == self.twice == self.foreign == len(self.faults) == 0

    def row(self, number: int) -> str:
        return (
            f"| {number} | {self.requests} | {self.acknowledged} | {self.in_doubt} | {self.rescued} "
            f"| {self.missing} | {self.twice} | {len(self.faults)} | {self.start_seconds:.1f} "
            f"| {self.point or 'any moment'} |"
        )


def rounds(
    data_dir: Path,
    count: int,
    *,
    spans_a_request: Sequence[int] = SPANS_A_REQUEST,
    most_requests: int = MOST_REQUESTS,
    seed: int | None = None,
    points: Sequence[str] = EVERY_OTHER,
) -> Iterator[Finding]:
    """So many kills on one folder. Raises ``AssertionError`` when a later round has harmed what an earlier one left.

    Large requests keep the store busy with sealing, so that many kills hit that too. ``points`` are those of the kills,
    one after the other.
    """
    chance = random.Random(seed)
    mixture = [Payloads(spans) for spans in spans_a_request]
    key, stored = "", dict[str, list[SpanId]]()
    for number in range(count):
        service = f"torture-{number}"
        point = points[number % len(points)]
        mark = data_dir.parent / f"died-{number}"
        with OwnStudio(data_dir, program=mortal(point, chance, mark)) as studio:
            key = studio.sign_in_or_up(key)
            deletes = bool(point) and POINTS[point].deletes
            # A deletion waits its turn between files that are sealed; full load would leave it few of these turns.
            load = Load(studio, key, service, mixture, CLIENTS[:1] if deletes else CLIENTS)
            if deletes:
                delete_in_the_middle(studio, key, load)
            load.wait_for(chance.randint(1, most_requests) if not point else most_requests)
            time.sleep(chance.random() * 0.03)  # so that the kill does not always follow an answer
            studio.kill()
            load.join()
        began = time.perf_counter()
        with OwnStudio(data_dir) as studio:
            seconds = time.perf_counter() - began
            studio.sign_in()
            finding = compare(load, studio.stored(service), seconds)
            studio.rest("DELETE", f"{SERVICES}/{DOOMED}")
            doomed = studio.stored(DOOMED)
            stored[service] = send_again(studio, key, service, load)
            studio.terminate()
        faults = (*inspect(Folders(data_dir / "duckdb" / "traces.duckdb")), *(["undeleted spans"] if doomed else []))
        reached = point if mark.exists() or not point else f"({point})"
        yield attrs.evolve(finding, faults=faults, point=reached)
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        demand_unharmed(studio, stored)


def mortal(point: str, chance: random.Random, mark: Path) -> Sequence[str]:
    """The program that dies at the point, or the studio itself."""
    if not point:
        return ("studio",)
    most = 60 if point.startswith("journal-") else 3
    return ("scripts.load.mortal_studio", point, str(chance.randint(1, most)), str(mark))


def delete_in_the_middle(studio: OwnStudio, key: str, load: Load) -> None:
    """Have a service stored among the load, and delete it when some of it is sealed."""
    payloads = Payloads(20)
    with closing(SENDERS["http"](studio, key)) as sender, suppress(NotAcknowledged, OSError, HTTPException):
        for acknowledged in (5, 20, 60):
            sender.send(payloads.make(DOOMED).body)
            load.wait_for(acknowledged)
            studio.rest("DELETE", f"{SERVICES}/{DOOMED}")


def compare(load: Load, stored: Sequence[SpanId], start_seconds: float) -> Finding:
    acknowledged = ids_of(load.acknowledged)
    in_doubt = ids_of(load.in_doubt)
    found = set(stored)
    return Finding(
        requests=len(load.acknowledged),
        acknowledged=len(acknowledged),
        in_doubt=len(in_doubt),
        rescued=len(in_doubt & found),
        missing=len(acknowledged - found),
        twice=len(stored) - len(found),
        foreign=len(found - acknowledged - in_doubt),
        start_seconds=start_seconds,
    )


def send_again(studio: OwnStudio, key: str, service: str, load: Load) -> list[SpanId]:
    """Send what was in doubt, and some of what was not; what is stored then."""
    for protocol in SENDERS:
        with closing(SENDERS[protocol](studio, key)) as sender:
            for payload in load.in_doubt + load.acknowledged[-5:]:
                sender.send(payload.body)
    stored = sorted(studio.stored(service))
    if stored != sorted(ids_of(load.acknowledged) | ids_of(load.in_doubt)):
        raise AssertionError(f"{service}: sent again, but {len(stored)} spans are stored")
    return stored


def demand_unharmed(studio: OwnStudio, expected: dict[str, list[SpanId]]) -> None:
    for service, stored in expected.items():
        if sorted(studio.stored(service)) != stored:
            raise AssertionError(f"{service}: not as its own round left it")


def ids_of(payloads: Sequence[Payload]) -> set[SpanId]:
    return {span for payload in payloads for span in payload.ids}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=len(EVERY_OTHER))
    parser.add_argument("--spans", nargs="+", type=int, default=SPANS_A_REQUEST, help="a request; one size at random")
    parser.add_argument("--requests", type=int, default=MOST_REQUESTS, help="acknowledged before the kill, at most")
    parser.add_argument("--seed", type=int, help="of the moments of the kills")
    parser.add_argument("--folder", type=Path, help="where the data folder is made; default: the temporary folder")
    options = parser.parse_args()
    print(f"{machine()}; {len(CLIENTS)} clients, {options.spans} spans a request\n\n{HEAD}")
    findings = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        kills = rounds(
            Path(folder) / "data",
            options.rounds,
            spans_a_request=options.spans,
            most_requests=options.requests,
            seed=options.seed,
        )
        for finding in kills:
            findings.append(finding)
            print(finding.row(len(findings)), *finding.faults, sep="\n", flush=True)
    spans = sum(finding.acknowledged for finding in findings)
    bad = sum(not finding.good for finding in findings)
    print(f"\n{len(findings)} kills, {spans} spans acknowledged, {bad} rounds with a loss or a double")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
