"""The choice of an interpreter, on a PATH full of traps."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.studio_process import ROOT

pytestmark = pytest.mark.integration

SCRIPT = ROOT / "scripts" / "find-python"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = ("sh", "sed", "tr", "ls", "grep", "sort", "cat")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder for PATH with the tools of a bare system and no interpreter."""
    for tool in TOOLS:
        found = next(path for path in (Path("/usr/bin") / tool, Path("/bin") / tool) if path.exists())
        (tmp_path / "tools").mkdir(exist_ok=True)
        (tmp_path / "tools" / tool).symlink_to(found)
    return tmp_path


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def real(file: Path) -> Path:
    """This very interpreter under another name."""
    return program(file, f'exec "{sys.executable}" "$@"')


def broken(file: Path) -> Path:
    """A shim for an interpreter that is not there."""
    return program(file, 'echo "command not found" >&2; exit 127')


def found(machine: Path, *folders: str, version: str = "", **variables: str) -> tuple[int, str]:
    ended = subprocess.run(
        [SCRIPT, *([version] if version else [])],
        env={"PATH": ":".join(str(machine / folder) for folder in (*folders, "tools"))} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    return ended.returncode, ended.stdout.strip()


def test_a_machine_without_python(machine: Path) -> None:
    assert found(machine) == (1, "")


def test_a_shim_that_fails_is_passed_over(machine: Path) -> None:
    broken(machine / "shims" / f"python{THIS}")
    broken(machine / "shims" / "python3")
    good = real(machine / "bin" / "python3")
    assert found(machine, "shims", "bin") == (0, str(good))


def test_a_name_that_lies_about_its_version_is_passed_over(machine: Path) -> None:
    real(machine / "bin" / "python3.99")
    assert found(machine, "bin", version="3.99") == (1, "")


def test_a_version_can_be_asked_for(machine: Path) -> None:
    good = real(machine / "bin" / f"python{THIS}")
    assert found(machine, "bin", version=THIS) == (0, str(good))


def test_pyenvs_versions_are_found_through_its_root_its_home_or_its_shims(machine: Path) -> None:
    good = real(machine / "py env" / "versions" / f"{THIS}.10" / "bin" / "python")
    broken(good.parents[2] / f"{THIS}.11" / "bin" / "python")
    assert found(machine, PYENV_ROOT=str(machine / "py env")) == (0, str(good))

    at_home = real(machine / "home" / ".pyenv" / "versions" / f"{THIS}.9" / "bin" / "python")
    assert found(machine, HOME=str(machine / "home")) == (0, str(at_home))

    broken(machine / "pyenv" / "shims" / f"python{THIS}")
    by_shim = real(machine / "pyenv" / "versions" / f"{THIS}.1" / "bin" / "python")
    assert found(machine, "pyenv/shims", HOME="") == (0, str(by_shim))


def test_the_newest_patch_release_of_pyenv_wins(machine: Path) -> None:
    real(machine / "versions" / f"{THIS}.9" / "bin" / "python")
    newest = real(machine / "versions" / f"{THIS}.10" / "bin" / "python")
    assert found(machine, PYENV_ROOT=str(machine)) == (0, str(newest))


def test_an_interpreter_of_uv_counts(machine: Path) -> None:
    good = real(machine / "of-uv" / "python")
    program(machine / "bin" / "uv", f'case "$*" in --version) ;; *"{THIS}") echo "{good}" ;; *) exit 2 ;; esac')
    assert found(machine, "bin") == (0, str(good))


def test_a_uv_that_fails_is_none(machine: Path) -> None:
    broken(machine / "bin" / "uv")
    good = real(machine / "bin" / "python3")
    assert found(machine, "bin") == (0, str(good))


def test_without_uv_an_interpreter_needs_its_venv(machine: Path) -> None:
    no_ensurepip = f'case "$3" in *ensurepip*) exit 1 ;; esac; exec "{sys.executable}" "$@"'
    lacking = program(machine / "bin" / "python3", no_ensurepip)
    assert found(machine, "bin") == (1, "")
    program(machine / "bin" / "uv", '[ "$1" = --version ]')
    assert found(machine, "bin") == (0, str(lacking))


def test_one_that_is_named_is_the_only_candidate(machine: Path) -> None:
    real(machine / "bin" / "python3")
    assert found(machine, "bin", STUDIO_PYTHON=str(broken(machine / "other"))) == (1, "")
    assert found(machine, "bin", STUDIO_PYTHON=sys.executable) == (0, sys.executable)


def test_the_help_without_python_says_what_to_install(machine: Path) -> None:
    (machine / "tools" / "cmp").symlink_to("/usr/bin/cmp")
    (machine / "tools" / "dirname").symlink_to("/usr/bin/dirname")
    ended = subprocess.run(
        [ROOT / "scripts" / "environment", "run"],
        env={"PATH": str(machine / "tools"), "STUDIO_VENV": str(machine / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "apt-get install python3" in ended.stderr
    assert not (machine / "venv").exists()
