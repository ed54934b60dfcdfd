"""The console's modules: formatted, free of what the linter finds, typed, and each pure one tested by itself."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.source import PROJECT

pytestmark = pytest.mark.unit

CONSOLE = PROJECT / "transports/http/console"
MODEL_TESTS = PROJECT / "tests/console/model"
DENO = Path(sysconfig.get_path("scripts")) / "deno"


def deno(folder: Path, tmp_path: Path, *arguments: str) -> None:
    """Run deno without a network. What it finds is the test's failure."""
    environment = os.environ | {"NO_COLOR": "1", "DENO_DIR": str(tmp_path), "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(
        [DENO, *arguments], cwd=folder, env=environment, text=True, capture_output=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_and_styles_are_formatted(tmp_path: Path) -> None:
    deno(CONSOLE, tmp_path, "fmt", "--check")


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    deno(CONSOLE, tmp_path, "lint")


def test_types_fit(tmp_path: Path) -> None:
    deno(CONSOLE, tmp_path, "check", *sorted(str(path.relative_to(CONSOLE)) for path in CONSOLE.rglob("*.js")))


def test_pure_modules_do_what_they_promise(tmp_path: Path) -> None:
    tests = sorted(path.name for path in MODEL_TESTS.glob("*.test.js"))
    if tests:
        deno(MODEL_TESTS, tmp_path, "test", "--no-check", "--no-remote", "--allow-read", *tests)
