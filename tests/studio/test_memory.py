"""The memory that the machine allows."""

from pathlib import Path

import pytest

from studio.memory import memory_for_studio, memory_for_work

pytestmark = pytest.mark.unit

NOWHERE = Path("no such file")


def cgroup(folder: Path, name: str, content: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return folder


def test_the_limit_of_the_container_counts(tmp_path: Path) -> None:
    assert memory_for_studio(cgroup(tmp_path, "memory.max", "536870912\n"), NOWHERE) == 512


def test_the_older_version_counts_too(tmp_path: Path) -> None:
    assert memory_for_studio(cgroup(tmp_path, "memory/memory.limit_in_bytes", "367001600\n"), NOWHERE) == 350


@pytest.mark.parametrize(
    ("name", "content"),
    [("memory.max", "max\n"), ("memory/memory.limit_in_bytes", "9223372036854771712\n"), ("memory.max", "")],
)
def test_without_a_limit_it_is_a_gigabyte(tmp_path: Path, name: str, content: str) -> None:
    assert memory_for_studio(cgroup(tmp_path, name, content), NOWHERE) == 1024


def test_without_cgroups_it_is_a_gigabyte(tmp_path: Path) -> None:
    assert memory_for_studio(tmp_path / "none", tmp_path / "none") == 1024


SERVICE = "0::/system.slice/studio.service\n"
OLDER = "9:name=systemd:/\n5:cpu,memory:/system.slice/studio.service\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "name"),
    [
        (SERVICE, "system.slice/studio.service/memory.max"),
        (SERVICE, "system.slice/memory.max"),
        (OLDER, "memory/system.slice/studio.service/memory.limit_in_bytes"),
        (OLDER, "memory/system.slice/memory.limit_in_bytes"),
    ],
)
def test_the_limit_of_the_service_counts_and_that_of_what_it_is_in(tmp_path: Path, groups: str, name: str) -> None:
    own = tmp_path / "own"
    own.write_text(groups)
    assert memory_for_studio(cgroup(tmp_path, name, "536870912\n"), own) == 512


def test_the_least_of_several_limits_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text(SERVICE)
    cgroup(tmp_path, "system.slice/memory.max", "536870912\n")
    cgroup(tmp_path, "system.slice/studio.service/memory.max", "1073741824\n")
    assert memory_for_studio(tmp_path, own) == 512


@pytest.mark.parametrize(("memory", "for_work"), [(4096, 3796), (1024, 724), (768, 468), (350, 87), (100, 25), (1, 0)])
def test_what_is_taken_without_work_is_left_free(memory: int, for_work: int) -> None:
    assert memory_for_work(memory) == for_work
