"""Create or update a virtual environment from a lock file; only the standard library is there yet.

make_environment.py NAME LOCK VENV: installs LOCK into VENV with uv where it runs, else with pip, every package by its
hash, notes that as VENV/installed-NAME.lock, and prints the path of the environment's Python.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OLDEST = "(3, 11)"


def main(name: str, lock: Path, venv: Path) -> None:
    python = venv / "bin" / "python"
    installed = venv / f"installed-{name}.lock"
    with one_at_a_time(venv.parent):
        if not (runs(python) and installed.is_file() and installed.read_bytes() == lock.read_bytes()):
            uv = find_uv()
            version = sys.version.split()[0]
            tell(f"Preparing {venv} with {'uv' if uv else 'pip'} and Python {version}; only the first start does this")
            make(venv, python, uv)
            install(lock, python, uv)
            shutil.copyfile(lock, installed)
    print(python)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder, so that a second start waits and then finds the work done."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def find_uv() -> str | None:
    """The uv on PATH, if it is more than a shim."""
    uv = shutil.which("uv")
    return uv if uv and succeeds([uv, "--version"]) else None


def make(venv: Path, python: Path, uv: str | None) -> None:
    """Make the environment, unless there is one that can be installed into."""
    if runs(python) and (uv or succeeds([str(python), "-I", "-m", "pip", "--version"])):
        return
    if uv:
        # An existing folder goes, with whatever is broken about it.
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)])
    else:
        run([sys.executable, "-m", "venv", "--clear", str(venv)])


def install(lock: Path, python: Path, uv: str | None) -> None:
    if uv:
        run([uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock)])
    else:
        pip = [str(python), "-I", "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
        run([*pip, "install", "--require-hashes", "-r", str(lock)])


def runs(python: Path) -> bool:
    """Whether there is an interpreter, not too old, and not one whose base was removed or updated away."""
    return succeeds([str(python), "-I", "-c", f"import sys, ssl; sys.exit(sys.version_info < {OLDEST})"])


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def run(command: list[str]) -> None:
    """Run a command that shows its faults itself; standard output is ours to answer on."""
    if subprocess.run(command, check=False, stdout=sys.stderr, stdin=subprocess.DEVNULL).returncode:
        raise SystemExit(f"This failed: {' '.join(command)}")


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
