"""Two studios on the same data: the second one is refused, by whichever names it has them."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio, environment
from studio.claim import CannotStart, sole_use_of
from studio.settings import Settings, load_settings
from tests.studio.stage import ended
from tests.studio_process import studio_process

pytestmark = pytest.mark.integration

FILES = {"JUNJO_SQLITE_PATH": "sqlite/junjo.db", "JUNJO_DUCKDB_PATH": "duckdb/traces.duckdb"}


def settings(folder: Path, **variables: str) -> Settings:
    return load_settings({"JUNJO_DATA_DIR": str(folder)} | variables, folder.parent)


def refusal(studio: Settings) -> str:
    """The message to a second studio."""
    with pytest.raises(CannotStart, match="in use by another studio") as refused, sole_use_of(studio):
        pass
    return str(refused.value)


def same(file: Path, _: Path) -> Path:
    return file


def link_to_file(file: Path, folder: Path) -> Path:
    link = folder / f"other{file.suffix}"
    link.symlink_to(file)
    return link


def link_to_folder(file: Path, folder: Path) -> Path:
    (folder / "elsewhere").symlink_to(file.parent)
    return folder / "elsewhere" / file.name


def hard_link(file: Path, folder: Path) -> Path:
    link = folder / f"hard{file.suffix}"
    link.hardlink_to(file)
    return link


@pytest.mark.parametrize("variable", FILES)
@pytest.mark.parametrize("by", [same, link_to_file, link_to_folder, hard_link])
def test_a_database_has_one_studio(tmp_path: Path, variable: str, by: Callable[[Path, Path], Path]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    file = first / FILES[variable]
    file.parent.mkdir(parents=True)
    file.touch()
    other = settings(second, **{variable: str(by(file, tmp_path))})
    with sole_use_of(settings(first)):
        assert refusal(other).startswith(f"{variable}: ")
    with sole_use_of(other):
        pass  # nothing is left of the lock


@pytest.mark.parametrize("variable", FILES)
def test_a_database_that_is_yet_to_be_made_has_one_studio(tmp_path: Path, variable: str) -> None:
    shared = str(tmp_path / "shared" / Path(FILES[variable]).name)
    with sole_use_of(settings(tmp_path / "first", **{variable: shared})):
        assert variable in refusal(settings(tmp_path / "second", **{variable: shared}))


def test_indexes_that_would_have_the_same_segments_have_one_studio(tmp_path: Path) -> None:
    names = [str(tmp_path / "shared" / name) for name in ("traces.duckdb", "traces.db")]
    with sole_use_of(settings(tmp_path / "first", JUNJO_DUCKDB_PATH=names[0])):
        assert "JUNJO_DUCKDB_PATH" in refusal(settings(tmp_path / "second", JUNJO_DUCKDB_PATH=names[1]))


def test_studios_with_databases_of_their_own_live_side_by_side(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    files = [
        {"JUNJO_DUCKDB_PATH": str(shared / f"{name}.duckdb"), "JUNJO_SQLITE_PATH": str(shared / f"{name}.db")}
        for name in ("a", "b")
    ]
    with sole_use_of(settings(tmp_path / "first", **files[0])), sole_use_of(settings(tmp_path / "second", **files[1])):
        pass


def test_where_a_file_system_has_no_locks_nobody_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with sole_use_of(settings(tmp_path / "data")):
        pass


@pytest.mark.parametrize("variable", FILES)
async def test_the_second_studio_ends_with_one_line(tmp_path: Path, variable: str) -> None:
    shared = str(tmp_path / Path(FILES[variable]).name)
    async with studio_process(tmp_path / "first", **{variable: shared}) as first:
        code, out, [line] = await ended(tmp_path / "second", **{variable: shared})
        assert (code, out) == (2, "")
        assert line.startswith(f"studio: {variable}: {shared} is in use by another studio")
        first.process.send_signal(signal.SIGKILL)
        await first.process.wait()
    async with studio_process(tmp_path / "second", **{variable: shared}):
        pass  # a kill leaves no lock


def test_check_and_repair_are_refused_too(tmp_path: Path) -> None:
    shared = str(tmp_path / "traces.duckdb")
    with OwnStudio(tmp_path / "first", JUNJO_DUCKDB_PATH=shared):
        for command in ("check", "repair"):
            done = subprocess.run(
                [sys.executable, "-P", "-m", "studio", command],
                env=environment(tmp_path / "second") | {"JUNJO_DUCKDB_PATH": shared},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 2
            assert "is in use by another studio" in done.stdout + done.stderr
