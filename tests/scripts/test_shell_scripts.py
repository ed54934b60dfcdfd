"""The scripts in shell: they parse, they can be run, and they work from anywhere once there is an environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio import __version__
from tests.studio_process import ROOT

pytestmark = pytest.mark.integration

SHELL = [
    file
    for file in sorted([*ROOT.glob("scripts/*"), ROOT / ".ci/run"])
    if file.is_file() and file.read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))
]


@pytest.mark.parametrize("script", SHELL, ids=lambda script: script.name)
def test_it_parses_and_is_executable(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", script], check=True)
    assert os.access(script, os.X_OK)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts in a folder with spaces, and an environment that is this interpreter's."""
    checkout = tmp_path / "a check out"
    checkout.mkdir()
    for name in ("studio", "actors", "transports", "requirements.lock"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / "scripts").mkdir()
    for script in ("studio", "environment", "find-python", "make_environment.py"):
        target = checkout / "scripts" / script
        target.write_bytes((ROOT / "scripts" / script).read_bytes())
        target.chmod(0o755)
    environment = checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    interpreter = environment / "bin" / "python"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    (environment / "installed-run.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    return checkout


def test_it_runs_from_anywhere_without_a_home_and_is_not_led_astray(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    (elsewhere / "studio").mkdir(parents=True)
    (elsewhere / "studio" / "__main__.py").write_text("print('not ours')")
    ended = subprocess.run(
        [checkout / "scripts" / "studio", "--version"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "CDPATH": "/"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{__version__}\n"


def test_it_runs_through_a_symbolic_link(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "studio-link"
    link.symlink_to(checkout / "scripts" / "studio")
    ended = subprocess.run([link, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"{__version__}\n"


def test_the_summary_counts_all_phases(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text(
        '<testsuites><testsuite tests="5" failures="0" errors="0" skipped="1"/></testsuites>'
    )
    assert summary(tmp_path) == (0, "4 passed, 0 failed, 1 skipped\n")
    (tmp_path / "2.xml").write_text(
        '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="0"/></testsuites>'
    )
    assert summary(tmp_path) == (1, "7 passed, 2 failed, 1 skipped\n")


def test_a_summary_of_nothing_is_a_failure(tmp_path: Path) -> None:
    assert summary(tmp_path) == (1, "0 passed, 0 failed, 0 skipped\n")


def summary(folder: Path) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts" / "sum_up_tests.py", folder], capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout
