"""Generated secrets: made once, the same for ever, readable by their owner only."""

import subprocess
import sys
from pathlib import Path

import pytest

from studio.secrets import development_secret
from studio.settings import SettingsError, load_settings
from tests.studio_process import ROOT

pytestmark = [pytest.mark.unit, pytest.mark.security]


def test_secrets_are_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    first = load_settings({}, tmp_path)
    second = load_settings({}, tmp_path)

    assert (first.session_secret, first.secure_cookie_key) == (second.session_secret, second.secure_cookie_key)
    files = sorted((tmp_path / ".dbdata/secrets").iterdir())
    assert [file.name for file in files] == ["secure-cookie-key", "session-secret", "setup-code"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert files[0].read_text() != files[1].read_text()


def test_a_given_secret_is_neither_replaced_nor_written_down(tmp_path: Path) -> None:
    settings = load_settings({"JUNJO_SESSION_SECRET": "chosen"}, tmp_path)
    assert settings.session_secret == "chosen"
    assert not (tmp_path / ".dbdata/secrets/session-secret").exists()


def test_a_file_left_empty_by_a_crash_is_filled(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch()
    assert development_secret(file) == development_secret(file)


def test_a_damaged_secret_is_a_fault_that_says_what_to_do(tmp_path: Path) -> None:
    load_settings({}, tmp_path)
    (tmp_path / ".dbdata/secrets/session-secret").write_text("damaged")
    with pytest.raises(SettingsError, match="holds a damaged secret; delete the folder to get new ones") as raised:
        load_settings({}, tmp_path)
    assert len(raised.value.lines) == 1


def test_a_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"JUNJO_DATA_DIR: cannot keep secrets in .*: Not a directory"):
        load_settings({"JUNJO_DATA_DIR": "file"}, tmp_path)


@pytest.mark.concurrency
def test_two_first_starts_at_once_share_their_secret(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "secret"
    program = (
        "import sys; from pathlib import Path; from studio.secrets import development_secret;"
        "print('ready', flush=True); sys.stdin.readline(); print(development_secret(Path(sys.argv[1])))"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for start in starts:
        assert start.stdout is not None
        assert start.stdout.readline() == "ready\n"
    answers = {start.communicate("go\n")[0].strip() for start in starts}
    assert answers == {file.read_text().strip()}
