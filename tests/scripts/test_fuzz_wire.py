"""Some seconds of nearly valid requests; ``scripts/fuzz_wire.py`` runs as long as wanted."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import PROJECT

pytestmark = [pytest.mark.integration, pytest.mark.security, pytest.mark.requires_grpc_server]


def test_what_is_nearly_right_is_answered_as_what_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.fuzz_wire", str(tmp_path), "--seconds", "4"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=200)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "application/json 200" in ended.stdout
    assert "gRPC INVALID_ARGUMENT" in ended.stdout
