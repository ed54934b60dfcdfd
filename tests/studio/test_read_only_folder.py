"""A data folder that cannot be written to: from the start, in parts, and from some moment on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio, environment
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]

SECRETS = {
    "JUNJO_SESSION_SECRET": "a secret of its own",
    "JUNJO_SECURE_COOKIE_KEY": "QUJD" * 10 + "QUI=",
    "JUNJO_SETUP_CODE": "off",
}
FAULTS = Path("/sys/fs/ext4")


def mount(*arguments: str | Path) -> None:
    if os.geteuid() != 0 or subprocess.call(["mount", *arguments], stderr=subprocess.DEVNULL):
        pytest.skip("only root may mount a file system")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Permissions would not do: root may write all the same."""
    mount("--bind", folder, folder)
    try:
        mount("-o", "remount,bind,ro", folder)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 file system, which goes read-only once it meets a fault, as they do on servers."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    folder.mkdir()
    if shutil.which("mkfs.ext4") is None or not FAULTS.exists():
        pytest.skip("there is no ext4 here")
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    mount("-o", "loop,errors=remount-ro", image, folder)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def meet_a_fault(folder: Path) -> None:
    [device] = [line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if f" {folder} " in line]
    (FAULTS / Path(device).name / "trigger_fs_error").write_text("a fault")


def stored_by_a_studio(data_dir: Path) -> Payload:
    payload = Payloads(20).make("kept")
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as sender:
            sender.send(payload.body)
        studio.terminate()
    return payload


def said(command: str, data_dir: Path, variables: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, and how the two outputs read."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "studio", command],
        env=environment(data_dir) | variables,
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("variables", [{}, SECRETS], ids=["secrets in the folder", "secrets given"])
def test_a_folder_that_is_read_only_is_refused_in_one_line(tmp_path: Path, variables: dict[str, str]) -> None:
    data_dir = tmp_path / "data"
    stored_by_a_studio(data_dir)
    with read_only(data_dir):
        for command in ("run", "check", "repair"):
            code, out, err = said(command, data_dir, variables)
            assert (code, out, err.count("\n")) == (2, "", 1)
            assert err.startswith("studio: JUNJO_DATA_DIR: cannot ")
            assert err.endswith(": Read-only file system\n")
    assert said("check", data_dir, variables) == (0, "The data is whole.\n", "")


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    with read_only(parent):
        code, out, err = said("run", parent / "data", SECRETS)
    assert (code, out) == (2, "")
    assert err == f"studio: JUNJO_DATA_DIR: cannot write to {parent / 'data'}: Read-only file system\n"


def test_accounts_that_are_read_only_are_refused_in_one_line(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    stored_by_a_studio(data_dir)
    with read_only(data_dir / "sqlite"):
        code, _, err = said("run", data_dir, {})
    assert code == 1
    file = data_dir / "sqlite" / "junjo.db"
    assert err == f"studio: {file} cannot be used as the account database: Read-only file system\n"


def test_spans_that_are_read_only_degrade_the_studio(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    kept = stored_by_a_studio(data_dir)
    with read_only(data_dir / "duckdb"), OwnStudio(data_dir) as studio:
        studio.sign_in()
        assert studio.rest("GET", "/health/details").json["problems"] == [
            "The span store cannot be opened: its disk is full, read-only or failing, or its files are in use"
        ]
        assert studio.rest("GET", "/api/v1/observability/services").status == 503
        assert studio.rest("GET", "/api_keys").status == 200
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        assert sorted(studio.stored("kept")) == sorted(kept.ids)


def test_a_disk_that_goes_read_only_refuses_changes_and_serves_what_is_there(failing_disk: Path) -> None:
    data_dir = failing_disk / "data"
    kept, refused = Payloads(20).make("kept"), Payloads(20).make("kept")
    with OwnStudio(data_dir, log=str(failing_disk.parent / "studio.log")) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as http, closing(SENDERS["grpc"](studio, key)) as grpc:
            http.send(kept.body)
            meet_a_fault(failing_disk)
            for sender in (http, grpc):
                with pytest.raises(NotAcknowledged) as refusal:
                    sender.send(refused.body)
                assert refusal.value.retryable
        health = studio.rest("GET", "/health/details").json
        assert health["status"] == "degraded"
        assert "disk" in health["problems"][0]
        (page,) = studio.pages("kept", 100)  # an export would have to be recorded
        assert sorted((found["trace_id"], found["span_id"]) for found in page) == sorted(kept.ids)
        refusal_of_export = studio.rest("GET", "/api/v1/observability/export?format=csv")
        assert (refusal_of_export.status, "retry-after" in refusal_of_export.headers) == (503, True), "not recorded"
        assert studio.rest("GET", "/api_keys").status == 200
        assert studio.rest("POST", "/api_keys", {"name": "one more"}).status == 503
        assert studio.rest("DELETE", "/api/v1/observability/services/kept").status == 503
        assert studio.rest("GET", "/api/v1/backup").status == 503
        assert studio.terminate() == 0
    code, _, err = said("run", data_dir, SECRETS)
    assert code == 2
    assert err == f"studio: JUNJO_DATA_DIR: cannot write to {data_dir}: Read-only file system\n"
