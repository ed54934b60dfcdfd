"""An environment is made of what its lock says, whatever the registry has by now."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.studio_process import ROOT

pytestmark = pytest.mark.integration


def wheel(folder: Path, name: str, version: str, *metadata: str) -> str:
    """A package of one module; its line in a lock."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata])
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def test_a_newer_version_in_the_registry_changes_nothing(tmp_path: Path) -> None:
    """Not even one of a package of which another asks for an extra: pip 23 wanted that one, and had no hash for it."""
    registry = tmp_path / "registry"
    registry.mkdir()
    with_extra = "Provides-Extra: speed"
    lines = [
        wheel(registry, "asker", "1.0", "Requires-Dist: asked[speed] (<3,>=1)"),
        wheel(registry, "asked", "1.0", with_extra),
    ]
    wheel(registry, "asked", "2.0", with_extra)
    lock = tmp_path / "some.lock"
    lock.write_text("".join(lines))
    tools = tmp_path / "bin"  # without uv, which is not what this is about
    tools.mkdir()
    ended = subprocess.run(
        [sys.executable, "-I", ROOT / "scripts" / "make_environment.py", "some", lock, tmp_path / "venv"],
        env={"PATH": str(tools), "HOME": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(registry)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    python = ended.stdout.strip()
    assert os.access(python, os.X_OK)
    said = subprocess.run(
        [python, "-c", "import asker, asked; print(asker.VERSION, asked.VERSION)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "1.0 1.0\n"
