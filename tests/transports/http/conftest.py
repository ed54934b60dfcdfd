from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http_studio import HttpStudio, http_config, running_http_studio


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as running:
        yield running
