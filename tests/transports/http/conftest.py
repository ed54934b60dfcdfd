from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.transports.http.stage import Reader


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as running:
        yield running


@pytest.fixture
async def reader(studio: HttpStudio) -> Reader:
    return Reader(studio, await studio.set_up())
