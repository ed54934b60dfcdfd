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
# A lock has all that its packages need, so nothing is to be resolved. pip 23 tries to, and takes an extra that one of
# them asks for as a reason to look for a newer version, which has no hash.
INSTALL = ["install", "--no-deps", "--require-hashes", "-r"]


def main(name: str, lock: Path, venv: Path) -> None:
    python = venv / "bin" / "python"
    installed = venv / f"installed-{name}.lock"
    with one_at_a_time(venv.parent):
        if not (runs(python) and installed.is_file() and installed.read_bytes() == lock.read_bytes()):
            tell(f"Preparing {venv} with Python {sys.version.split()[0]}; only the first start does this")
            uv = find_uv()
            if uv and with_uv(uv, lock, venv, python):
                tell("Installed with uv")
            else:
                # A uv that cannot install, perhaps for the want of a certificate that pip knows, stops nobody.
                with_pip(lock, venv, python)
                tell("Installed with pip")
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


def with_uv(uv: str, lock: Path, venv: Path, python: Path) -> bool:
    """Install into the environment, made anew if it is broken; false if uv cannot."""
    made = runs(python) or shows([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)])
    return made and shows([uv, "pip", "--quiet", *INSTALL, str(lock), "--python", str(python)])


def with_pip(lock: Path, venv: Path, python: Path) -> None:
    """Install with Python's own pip. Ends the program if that fails too."""
    pip = [str(python), "-I", "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
    made = (runs(python) and succeeds([*pip, "--version"])) or shows(
        [sys.executable, "-I", "-m", "venv", "--clear", str(venv)]
    )
    if not (made and shows([*pip, *INSTALL, str(lock)])):
        raise SystemExit(f"The packages of {lock.name} could not be installed; what is above says why")


def runs(python: Path) -> bool:
    """Whether there is a working interpreter, recent enough, whose base was not removed or updated away."""
    return succeeds([str(python), "-I", "-c", f"import sys, ssl; sys.exit(sys.version_info < {OLDEST})"])


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def shows(command: list[str]) -> bool:
    """Run a command that reports its faults itself; its standard output goes to standard error."""
    return subprocess.run(command, check=False, stdout=sys.stderr, stdin=subprocess.DEVNULL).returncode == 0


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
