"""A studio as a process of its own, for tests of the whole."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from scripts.load.own_studio import OwnStudio


@attrs.frozen(kw_only=True)
class Running:
    """A studio with a user who is signed in, and an API key for everything."""

    studio: OwnStudio
    key: str


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data_dir: Path) -> Iterator[Running]:
    with OwnStudio(data_dir) as studio:
        yield Running(studio=studio, key=studio.sign_up())
