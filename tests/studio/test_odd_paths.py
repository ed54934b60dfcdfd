"""A path is not syntax: whatever a folder is called, a studio works in it or is refused with one line."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio, environment
from scripts.load.payloads import Payloads
from scripts.load.senders import SENDERS
from studio.settings import SettingsError, load_settings
from tests.studio.stage import ended

pytestmark = pytest.mark.integration

ODD = "a [1] 'b' \"c\" %20%s#*{d};: $HOME ~ -x --\nline ü東🙂 file:x?".removesuffix("?")
REFUSED = ["a?b", "a?access_mode=read_only", "a\\b", os.fsdecode(b"\xff\xfe")]


def command(data_dir: Path, *arguments: str | Path, **variables: str) -> tuple[int, list[str], list[str]]:
    """Exit code and the lines of both outputs."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "studio", *arguments],
        env=environment(data_dir) | variables,
        cwd="/",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_a_studio_lives_in_an_odd_folder_and_so_do_its_exports_and_backups(tmp_path: Path) -> None:
    data_dir = tmp_path / ODD / "data"
    data_dir.parent.mkdir()
    payload = Payloads(20).make("kept")
    for number in range(2):
        with OwnStudio(data_dir, log=str(tmp_path / f"{number}.log")) as studio:
            if number:
                studio.sign_in()
            else:
                key = studio.sign_up()
                with closing(SENDERS["http"](studio, key)) as sender:
                    sender.send(payload.body)
                target = data_dir.parent / f"{ODD}.jsonl"
                at = f"http://127.0.0.1:{studio.http_port}"
                scoped = studio.rest("POST", "/api_keys", {"name": "b", "scopes": ["read", "backup"]}).json["key"]
                assert command(data_dir, "export", target, "--endpoint", at, "--key", scoped)[0] == 0
                assert target.read_text().count("\n") == 20
                copies = [data_dir.parent / os.fsdecode(b"backup \xff?"), data_dir.parent / "backup [*] 'x'"]
                for copy in copies:
                    assert command(data_dir, "backup", copy, "--endpoint", at, "--key", scoped)[0] == 0
            assert sorted(studio.stored("kept")) == sorted(payload.ids)
            assert studio.rest("GET", "/health").json["status"] == "ok"
    assert command(data_dir, "check")[:2] == (0, ["The data is whole."])
    with OwnStudio(copies[1], log=str(tmp_path / "copy.log")) as studio:
        studio.sign_in()
        assert sorted(studio.stored("kept")) == sorted(payload.ids)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([ODD, "0.log", "1.log", "copy.log"])


@pytest.mark.parametrize("name", REFUSED)
async def test_what_duckdb_takes_for_something_else_is_refused_with_one_line(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    code, out, [line] = await ended(folder / "data")
    assert (code, out) == (2, "")
    assert line.startswith("studio: JUNJO_DATA_DIR or JUNJO_DUCKDB_PATH: the path of the span database")
    assert list(folder.iterdir()) == []


def test_where_only_the_accounts_are_any_name_will_do(tmp_path: Path) -> None:
    data_dir = tmp_path / os.fsdecode(b"\xff?\\") / "data"
    data_dir.parent.mkdir()
    log = str(tmp_path / "log")
    with OwnStudio(data_dir, log=log, JUNJO_DUCKDB_PATH=str(tmp_path / "t.duckdb"), JUNJO_LOG_FORMAT="json") as studio:
        studio.sign_up()
        assert studio.rest("GET", "/health").json["status"] == "ok"


def test_a_line_end_in_a_name_makes_no_second_line(tmp_path: Path) -> None:
    file = tmp_path / "a\nb"
    file.touch()
    code, out, err = command(file / "data" / "x", "check")
    assert (code, len(out) + len(err)) == (2, 1)


@pytest.mark.parametrize("name", ["t.segments", "t.journals", "t.grams", "t.backups", "t.lock", "t.wal"])
def test_the_index_is_called_like_nothing_that_lies_beside_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="JUNJO_DUCKDB_PATH: must be a file whose name does not end in"):
        load_settings({"JUNJO_DATA_DIR": str(tmp_path), "JUNJO_DUCKDB_PATH": name}, tmp_path)


def test_both_databases_are_two_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be two files"):
        load_settings({"JUNJO_DUCKDB_PATH": "one.db", "JUNJO_SQLITE_PATH": "one.db"}, tmp_path)


def test_blanks_at_the_end_are_a_part_of_a_name(tmp_path: Path) -> None:
    settings = load_settings({"JUNJO_DATA_DIR": " data "}, tmp_path)
    assert settings.data_dir == tmp_path / " data "
    assert settings.duckdb_path == tmp_path / " data " / "duckdb" / "traces.duckdb"


@pytest.mark.parametrize("name", ["a\0b", "~no-such-user/data"])
def test_a_name_that_no_folder_can_have_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"JUNJO_DATA_DIR": name}, tmp_path)
    [line] = refused.value.lines
    assert line.startswith("JUNJO_DATA_DIR: ")
