"""How much memory does a studio need to survive far more spans than it can take?

For each limit: a studio of its own in a cgroup with that much memory, and many clients that send as fast as they get
answers, and resend refused requests at once. With ``--cores`` the studio has only so much of a processor, so that
clients on the same machine can offer it many times what it takes. Prints a line each: spans taken, spans offered, the
most memory, and whether the studio survived. Exit code 1 if one did not, or lost acknowledged spans.

Needs Linux with cgroups that may be made (root in most places). Run from the repository: ``.venv/bin/python -m
scripts.least_memory --megabytes 350 512``.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from scripts.load.own_studio import OwnStudio, SpanId
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged, Sender

_MB = 1024 * 1024
_CGROUPS = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds over which a share of a processor is counted
_PROCESSES = 4
_SPANS = 512  # of a request
_SERVICE = "many"


@attrs.frozen(kw_only=True)
class Assault:
    """The work of the clients of one process."""

    http_port: int
    otlp_port: int
    key: str = attrs.field(repr=False)
    clients: int
    seconds: float
    seed: int


@attrs.frozen
class Outcome:
    """The result of one limit."""

    acknowledged: list[SpanId] = attrs.field(factory=list)
    offered: list[int] = attrs.field(factory=list)  # spans of each request, as often as it was sent
    broken: list[str] = attrs.field(factory=list)  # how connections ended


def send(assault: Assault) -> Outcome:
    """Run the clients, as a process of its own."""
    payloads, making, outcome = Payloads(_SPANS, assault.seed), threading.Lock(), Outcome()
    payloads.make(_SERVICE)  # the first one takes seconds
    until = time.monotonic() + assault.seconds

    def client(protocol: str) -> None:
        with closing(SENDERS[protocol](assault, assault.key)) as sender:
            while time.monotonic() < until:
                with making:
                    payload = payloads.make(_SERVICE)
                _send(sender, payload, until, outcome)

    with ThreadPoolExecutor(assault.clients) as clients:
        ends = [clients.submit(client, list(SENDERS)[number % len(SENDERS)]) for number in range(assault.clients)]
    outcome.broken.extend(repr(fault) for end in ends if (fault := end.exception()) is not None)
    return outcome


def _send(sender: Sender, payload: Payload, until: float, outcome: Outcome) -> None:
    """Send a request until it is taken."""
    while time.monotonic() < until:
        outcome.offered.append(_SPANS)
        try:
            sender.send(payload.body)
        except NotAcknowledged as refusal:
            if not refusal.retryable:
                raise
        else:
            outcome.acknowledged.extend(payload.ids)
            return


@contextmanager
def limited(megabytes: int, cores: float | None) -> Iterator[Path]:
    """Put this process into cgroups with so much memory, and of a processor, for the length of the block.

    The processes that it starts stay there. Yields the group that counts memory.
    """
    with ExitStack() as stack:
        groups = [stack.enter_context(_within(*each)) for each in _limits(megabytes, cores)]
        yield groups[0]


def _limits(megabytes: int, cores: float | None) -> list[tuple[str, dict[str, str]]]:
    """Hierarchies of cgroups, and what is written there; the second version of cgroups has only one."""
    quota = None if cores is None else round(cores * _PERIOD)
    if (_CGROUPS / "cgroup.controllers").exists():
        processor = {} if quota is None else {"cpu.max": f"{quota} {_PERIOD}"}
        return [("", {"memory.max": str(megabytes * _MB), **processor})]
    memory = ("memory", {"memory.limit_in_bytes": str(megabytes * _MB)})
    return [memory] if quota is None else [memory, ("cpu", {"cpu.cfs_quota_us": str(quota)})]


def give_processors_back(group: Path) -> None:
    """Let what is in the groups of ``limited`` have all processors again: what was stored is still to be counted."""
    second, first = group / "cpu.max", _CGROUPS / "cpu" / group.name / "cpu.cfs_quota_us"
    if second.exists():
        second.write_text("max")
    elif first.exists():
        first.write_text("-1")


@contextmanager
def _within(controller: str, settings: Mapping[str, str]) -> Iterator[Path]:
    top = _CGROUPS / controller
    group, before = top / f"least-memory-{os.getpid()}", top / _own_path(controller)
    group.mkdir()
    for name, value in settings.items():
        (group / name).write_text(value)
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield group
    finally:
        (before / "cgroup.procs").write_text(str(os.getpid()))


def _own_path(controller: str) -> str:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    [path] = [line.split(":", 2)[2] for line in lines if controller in line.split(":", 2)[1].split(",")]
    return path.lstrip("/")


def peak_of(group: Path) -> int:
    """The most memory of the group, in megabytes; 0 where the kernel does not report it."""
    for name in ("memory.peak", "memory.max_usage_in_bytes"):
        if (group / name).exists():
            return int((group / name).read_text()) // _MB
    return 0


def lives(megabytes: int, cores: float | None, clients: int, seconds: float, folder: Path) -> bool:
    """Try one limit, and print its line."""
    with limited(megabytes, cores) as group:
        studio = OwnStudio(folder / "data", log=str(folder / "log"))
    with studio:
        assaults = [
            Assault(
                http_port=studio.http_port,
                otlp_port=studio.otlp_port,
                key=key,
                clients=clients // _PROCESSES,
                seconds=seconds,
                seed=seed,
            )
            for key in [studio.sign_up()]
            for seed in range(_PROCESSES)
        ]
        with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
            outcomes = pool.map(send, assaults)
        give_processors_back(group)
        lived = studio.system.is_running() and studio.system.status() != "zombie"
        acknowledged = {span for outcome in outcomes for span in outcome.acknowledged}
        offered = sum(sum(outcome.offered) for outcome in outcomes)
        peak = peak_of(group)
        lost = len(acknowledged - set(studio.stored(_SERVICE))) if lived else 0
    for controller, _ in _limits(megabytes, cores):
        (_CGROUPS / controller / group.name).rmdir()
    taken = f"{len(acknowledged) / seconds:,.0f} | {offered / seconds:,.0f}"
    print(f"| {megabytes} | {taken} | {peak} | {'yes' if lived else 'killed'} | {lost} |", flush=True)
    for reason in {reason for outcome in outcomes for reason in outcome.broken[:3]}:
        print(f"  connections ended: {reason}", file=sys.stderr)
    return lived and not lost


def run(limits: Sequence[int], cores: float | None, clients: int, seconds: float) -> bool:
    print("| limit, MB | taken, spans/s | offered, spans/s | most memory, MB | lived | lost |\n" + 6 * "|---" + "|")
    outcomes = []
    for megabytes in limits:
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(lives(megabytes, cores, clients, seconds, Path(folder)))
    return all(outcomes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[350])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each limit")
    parser.add_argument("--cores", type=float, help="of the studio; default: all")
    given = parser.parse_args()
    return 0 if run(given.megabytes, given.cores, given.clients, given.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
