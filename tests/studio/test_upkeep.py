"""``studio check`` and ``studio repair`` as an operator runs them, and a studio over a disk that is full."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio, environment
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged, Sender

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]


def command(name: str, data_dir: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "studio", name],
        env=environment(data_dir),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_data_folder_is_checked_and_repaired(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    payload = Payloads(20).make("kept")
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as sender:
            sender.send(payload.body)
        for name in ("check", "repair"):
            code, said = command(name, data_dir)
            assert code == 2
            assert "is in use by another studio: stop that one" in said
    assert command("check", data_dir) == (0, "The data is whole.\n")
    (data_dir / "duckdb" / "traces.duckdb").write_text("not any more")
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        assert studio.rest("GET", "/health/details").json["problems"] == [
            "The span index is damaged: stop the studio and run studio repair"
        ]
        assert studio.rest("GET", "/api/v1/observability/services").status == 503
    code, said = command("check", data_dir)
    assert code == 1
    assert "traces.duckdb: the index cannot be opened" in said
    code, said = command("repair", data_dir)
    assert code == 0
    assert "moved aside" in said
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        assert sorted(studio.stored("kept")) == sorted(payload.ids)
        assert studio.rest("GET", "/health").json["status"] == "ok"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 25 MB. Requests of 1.5 MB fill it but for a megabyte, which the log and the accounts need."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=25m", "tmpfs", folder]):
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def refusal_by(sender: Sender, payload: Payload) -> NotAcknowledged | None:
    try:
        sender.send(payload.body)
    except NotAcknowledged as refusal:
        return refusal
    return None


def test_a_full_disk_refuses_spans_as_retryable_and_serves_what_is_there(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    payloads = Payloads(500)
    stored = []
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as http, closing(SENDERS["grpc"](studio, key)) as grpc:
            refused = payloads.make("full")
            while (refusal_of := refusal_by(http, refused)) is None:
                stored.append(refused)
                refused = payloads.make("full")
            assert refusal_of.retryable
            with pytest.raises(NotAcknowledged) as refusal:
                grpc.send(refused.body)
            assert refusal.value.retryable
            health = studio.rest("GET", "/health/details").json
            assert health["status"] == "degraded"
            assert "disk" in health["problems"][0]
            assert sorted(studio.stored("full")) == sorted(span for payload in stored for span in payload.ids)
        studio.kill()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        with closing(SENDERS["http"](studio, key)) as http:
            http.send(refused.body)
        expected = [span for payload in [*stored, refused] for span in payload.ids]
        assert sorted(studio.stored("full")) == sorted(expected)
        assert studio.rest("GET", "/health").json["status"] == "ok"


def test_a_disk_that_others_fill_is_used_again_once_there_is_room(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    before, after = Payloads(20).make("kept"), Payloads(20).make("kept")
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as http:
            http.send(before.body)
            fill = small_disk / "of others"
            fill.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - 4096))
            with pytest.raises(NotAcknowledged) as refusal:
                http.send(Payloads(500).make("kept").body)
            assert refusal.value.retryable
            assert studio.rest("GET", "/health").json["status"] == "degraded"
            fill.unlink()
            http.send(after.body)
            assert studio.rest("GET", "/health").json["status"] == "ok"
            assert sorted(studio.stored("kept")) == sorted([*before.ids, *after.ids])
