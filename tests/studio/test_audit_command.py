"""``studio audit`` as an operator runs it: while a studio runs, after it, and on the copy of a backup."""

import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.audit import AUDIT
from scripts.load.own_studio import OwnStudio, environment

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


def audit(data_dir: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "studio", "audit", *arguments],
        env=environment(data_dir),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def entries(data_dir: Path, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = audit(data_dir, *arguments)
    assert (code, err) == (0, "")
    assert out.isascii()
    return [json.loads(line) for line in out.splitlines()]


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a studio has left, with more entries than are read at once, and beside it the copy of a backup."""
    folder = tmp_path_factory.mktemp("audited") / "data"
    with OwnStudio(folder) as studio:
        studio.sign_up()
        assert studio.terminate() == 0
    fill(folder / "sqlite" / "junjo.db", 2500)
    with OwnStudio(folder) as studio:
        studio.sign_in()
        with tarfile.open(fileobj=io.BytesIO(studio.rest("GET", "/api/v1/backup").body)) as tar:
            tar.extractall(folder.parent / "copy", filter="data")
        running = entries(folder)
        page = studio.rest("GET", "/api/v1/audit?limit=1000").json
        assert page["entries"] == list(reversed(running))[:1000]
        assert studio.terminate() == 0
    assert entries(folder)[: len(running)] == running
    return folder


def fill(database: Path, count: int) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO audit_trail (at, action, resource_type, resource_id, user_email, user_id, details) "
            "VALUES (unixepoch(), 'read', 'export', ?, 'eve@example.com', 'eve', '{}')",
            [(f"é\x1b[2J\u202e{number}",) for number in range(count)],
        )


def test_all_entries_are_printed_oldest_first(data_dir: Path) -> None:
    found = entries(data_dir)
    assert [int(entry["id"]) for entry in found] == list(range(1, len(found) + 1))
    assert [entry["resource_id"] for entry in entries(data_dir, "--actor", "eve")] == [
        f"é\x1b[2J\u202e{number}" for number in range(2500)
    ]


def test_options_choose(data_dir: Path) -> None:
    [created] = entries(data_dir, "--action", "create", "--from", "now-1h", "--outcome", "ok", "--actor", "system")
    assert (created["resource_type"], created["actor"]["email"]) == ("user", "system@internal")
    assert entries(data_dir, "--to", "now-1h") == []
    for wrong in (("--from", "yesterday"), ("--outcome", "good"), ("--user", "me")):
        code, out, err = audit(data_dir, *wrong)
        assert (code, out) == (2, "")
        assert wrong[0] in err


def test_a_copy_is_read_and_left_as_it_is(data_dir: Path) -> None:
    copy = data_dir.parent / "copy"
    before = files_of(copy)
    assert len(entries(copy, "--actor", "eve")) == 2500
    assert files_of(copy) == before
    assert "secrets" not in before


def test_output_that_nobody_takes_is_a_failure(data_dir: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-P", "-m", "studio", "audit"],
            env=environment(data_dir),
            cwd=data_dir.parent,
            stdout=full,
            check=False,
        )
    assert done.returncode == 1


@pytest.mark.error_recovery
def test_without_a_trail_it_says_so_in_a_line(data_dir: Path, tmp_path: Path) -> None:
    code, out, err = audit(tmp_path / "none")
    assert (code, out) == (2, "")
    assert err.startswith("studio: JUNJO_SQLITE_PATH: there is no accounts database")
    assert not (tmp_path / "none").exists()
    database = tmp_path / "odd ?#%" / "sqlite" / "junjo.db"
    database.parent.mkdir(parents=True)
    database.write_text("none of ours, but long enough to be looked at " * 100)
    code, out, err = audit(tmp_path / "odd ?#%")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "file is not a database" in err


@pytest.mark.error_recovery
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE schema_migrations SET number = 99 WHERE component = 'audit' AND number > 1", "a newer version"),
        ("DELETE FROM schema_migrations WHERE component = 'audit' AND number > 1", "an earlier version"),
    ],
)
def test_the_trail_of_another_version_is_refused_in_a_line(tmp_path: Path, change: str, said: str) -> None:
    database = tmp_path / "data" / "sqlite" / "junjo.db"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE schema_migrations (component TEXT, number INTEGER)")
        numbers = [(migration.number,) for migration in AUDIT.migrations()]
        connection.executemany("INSERT INTO schema_migrations VALUES ('audit', ?)", numbers)
        connection.execute(change)
    code, out, err = audit(tmp_path / "data")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert said in err
