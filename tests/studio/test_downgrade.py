"""A data folder of a newer studio is refused by an older one in one line, and left as it is."""

import asyncio
import hashlib
import shutil
import sqlite3
import struct
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from scripts.load.own_studio import OwnStudio
from tests.studio_process import environment, start_studio

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a studio has left."""
    folder = tmp_path_factory.mktemp("written") / "data"
    with OwnStudio(folder) as studio:
        studio.sign_up()
        assert studio.terminate() == 0
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, written: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "data"))


def newer_accounts(folder: Path) -> Path:
    path = folder / "sqlite" / "junjo.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO schema_migrations (component, number, name) "
        "SELECT component, 99, 'later' FROM schema_migrations WHERE number = 1"
    )
    connection.commit()
    connection.close()
    return path


def newer_index(folder: Path) -> Path:
    path = folder / "duckdb" / "traces.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99)")
    return path


def newer_duckdb(folder: Path) -> Path:
    """A file as a future DuckDB would write it: its header is 4 KB, with its checksum before it."""
    path = folder / "duckdb" / "traces.duckdb"
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 12, 5000)
    total = 5381
    for (word,) in struct.iter_unpack("<Q", bytes(data[8:4096])):
        total ^= word * 0xBF58476D1CE4E5B9 & 2**64 - 1
    struct.pack_into("<Q", data, 0, total)
    path.write_bytes(data)
    return path


def content(folder: Path) -> dict[str, str]:
    """The stored spans and accounts; SQLite's own side files come and go."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


async def refusal(data_dir: Path, *arguments: str) -> tuple[int | None, list[str]]:
    process = await start_studio(data_dir, arguments)
    _, err = await process.communicate()
    return process.returncode, err.decode().splitlines()


@pytest.mark.parametrize("make_newer", [newer_accounts, newer_index, newer_duckdb])
async def test_it_does_not_start(data_dir: Path, make_newer: Callable[[Path], Path]) -> None:
    path = make_newer(data_dir)
    before = content(data_dir)
    code, [line] = await refusal(data_dir)
    assert code in (1, 2)
    assert line.startswith(f"studio: {path} was written by a newer version of the studio: it")
    assert line.endswith("Run the newer version, or restore a backup.")
    assert content(data_dir) == before


@pytest.mark.parametrize("command", ["check", "repair"])
@pytest.mark.parametrize("make_newer", [newer_index, newer_duckdb])
async def test_it_is_not_repaired(data_dir: Path, make_newer: Callable[[Path], Path], command: str) -> None:
    """Repairing would make the index anew, from files of which it does not know everything."""
    path = make_newer(data_dir)
    before = content(data_dir)
    code, [line] = await refusal(data_dir, command)
    assert code == 2
    assert line.startswith(f"studio: {path} was written by a newer version of the studio: it")
    assert content(data_dir) == before


@pytest.mark.parametrize("arguments", [("list",), ("unlock", "ann@example.com"), ("create", "bob@example.com")])
async def test_its_users_are_left_alone(data_dir: Path, arguments: tuple[str, ...]) -> None:
    path = newer_accounts(data_dir)
    before = content(data_dir)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "studio", "user", *arguments),
        env=environment(data_dir),
        cwd=data_dir.parent,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate(b"correct horse battery")
    assert (process.returncode, out) == (1, b"")
    [line] = err.decode().splitlines()
    assert line.startswith(f"studio: {path} was written by a newer version of the studio: its ")
    assert content(data_dir) == before
