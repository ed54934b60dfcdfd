"""How much memory there is to use."""

from pathlib import Path

import pytest

from studio.memory import memory_for_studio

pytestmark = pytest.mark.unit


def cgroup(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return folder


def test_the_limit_of_the_container_counts(tmp_path: Path) -> None:
    assert memory_for_studio(cgroup(tmp_path, "memory.max", "536870912\n")) == 512


def test_the_older_version_counts_too(tmp_path: Path) -> None:
    assert memory_for_studio(cgroup(tmp_path, "memory/memory.limit_in_bytes", "367001600\n")) == 350


@pytest.mark.parametrize(
    ("name", "content"),
    [("memory.max", "max\n"), ("memory/memory.limit_in_bytes", "9223372036854771712\n"), ("memory.max", "")],
)
def test_without_a_limit_it_is_a_gigabyte(tmp_path: Path, name: str, content: str) -> None:
    assert memory_for_studio(cgroup(tmp_path, name, content)) == 1024


def test_without_cgroups_it_is_a_gigabyte(tmp_path: Path) -> None:
    assert memory_for_studio(tmp_path / "none") == 1024
