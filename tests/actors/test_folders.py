"""A folder that was made is there after a power cut, and so are those that it lies in."""

from pathlib import Path

import pytest

from actors.folders import make_folder, sync_folder

pytestmark = pytest.mark.unit


def made(folder: Path) -> list[Path]:
    """The folders that were synced for it."""
    synced: list[Path] = []
    make_folder(folder, sync=synced.append)
    assert folder.is_dir()
    return synced


def test_each_new_name_is_made_durable(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    assert set(made(folder)) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}


def test_a_name_that_is_there_already_may_not_be_durable_yet(tmp_path: Path) -> None:
    """A crash may have come between the two."""
    (tmp_path / "a").mkdir()
    assert made(tmp_path / "a") == [tmp_path]


def test_a_folder_that_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")
