"""Cut the power of a studio's disk at a thousand moments, and look for what it had acknowledged.

A store under load (scripts/load/cut_load.py: ingestion, flushes, compaction, deletions, retention, checkpoints, a kill
in between) runs under ``strace``, which sees every write, sync, rename, unlink and truncation of every file: those of
the store, and those of DuckDB and SQLite, for whose disks nothing can be handed in. So all files are recorded in one
way and in one order, as the system was told, and not as we believe. Replaying the record shows whether it is whole.

Of the record the states are made that a power cut may leave: scripts/load/disk_history.py says by which model of disks
(that of ALICE and CrashMonkey), and what is not modelled. Each is opened with the real store and held against what had
been acknowledged by then: nothing lost, nothing twice, nothing back that was deleted, no problem reported, and the
accounts complete.

Run from the repository: ``uv run python -m scripts.powerloss --states 1000``. It needs ``strace``. A state with a fault
stays in ``--keep``, and the exit code is 1. The same ``--seed`` and ``--record`` give the same states.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from scripts.load import strace_record
from scripts.load.cut_check import faults_of
from scripts.load.cut_load import FIRST, SECOND, heard, quiet
from scripts.load.disk_history import Cut, History, Resize, Write

REQUESTS = 90  # of a phase
LOAD = "scripts.load.cut_load"
KILLED = -9


@attrs.frozen
class Finding:
    """A state that is not as it should be."""

    number: int
    cut: Cut
    faults: list[str]


def recorded(folder: Path, seed: int, requests: int) -> History:
    """Both phases of the load, recorded in this folder."""
    data, marks = folder / "data", folder / "marks"
    data.mkdir()
    for phase in (FIRST, SECOND):
        program = [LOAD, str(data), str(marks), str(seed), phase, str(requests)]
        code = strace_record.run(program, folder / phase)
        if code != (KILLED if phase == FIRST else 0):
            raise RuntimeError(f"the {phase} phase of the load ended with {code}")
        shutil.copytree(data, folder / f"after {phase}")
    return history_of(folder)


def history_of(folder: Path) -> History:
    """What was recorded in a folder before."""
    history = History()
    for phase in (FIRST, SECOND):
        strace_record.Reader(history, folder / "data", folder / "marks").read(folder / phase)
        adopt(history, folder / f"after {phase}", is_whole=phase == SECOND)
    return history


def adopt(history: History, folder: Path, *, is_whole: bool) -> None:
    """Take over what a kill has kept from being recorded: a call that was under way, and had its effect or part of it.

    After a good end the record ``is_whole``, or something is wrong with it.
    """
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.endswith("-shm")):
        inode = history.find(path.relative_to(folder).parts)
        content = path.read_bytes()
        if inode is None:
            raise RuntimeError(f"the record knows nothing of {path}")
        if history.now.files[inode] != content:
            if is_whole:
                raise RuntimeError(f"the record has other content of {path}")
            history.add(Write(inode, 0, content))
            history.add(Resize(inode, len(content)))


def findings(history: History, states: int, seed: int, folder: Path) -> Iterator[Finding]:
    """Of each state. Those with faults stay in the folder."""
    for number, cut in enumerate(history.cuts(states, random.Random(seed))):
        state, before = folder / f"state-{number}.opened", folder / f"state-{number}"
        cut.tree.build(state, history.is_folder)
        faults = asyncio.run(faults_of(state, heard(history.marks(cut.moment)), before))
        shutil.rmtree(state)
        if not faults:
            shutil.rmtree(before)
        yield Finding(number, cut, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of spans, in each half of the load")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the load and of the states")
    parser.add_argument(
        "--record", type=Path, help="a folder in which a load was recorded (--keep), in place of a new one"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the record and for states with faults")
    options = parser.parse_args()
    if not options.record and (why := strace_record.missing()):
        print(why)
        return 2
    keep = (options.keep or Path(tempfile.mkdtemp(prefix="powerloss-"))).resolve()
    keep.mkdir(parents=True, exist_ok=True)
    quiet()
    print(f"seed {options.seed}, record and states in {keep}", flush=True)
    history = history_of(options.record) if options.record else recorded(keep, options.seed, options.requests)
    return report(history, options.states, options.seed, keep)


def report(history: History, states: int, seed: int, keep: Path) -> int:
    kinds = Counter(type(change).__name__ for change in history.changes)
    print(", ".join(f"{count} {kind.lower()}s" for kind, count in sorted(kinds.items())), flush=True)
    began, bad = time.monotonic(), 0
    for finding in findings(history, states, seed, keep):
        if finding.faults:
            bad += 1
            where = f"state {finding.number}, cut at change {finding.cut.moment}: {finding.cut.story}"
            print(where, *finding.faults, sep="\n  ", flush=True)
    said = heard(history.marks(len(history.changes)))
    print(
        f"{states} states in {time.monotonic() - began:.0f} s, {bad} with faults; {len(said.acknowledged)} requests, "
        f"{len(said.deleted)} deletions and {len(said.accounts)} changes of accounts had been acknowledged"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
