"""A studio whose price table cannot be used does not start, and says why in one line."""

from pathlib import Path

import pytest

from tests.studio_process import start_studio, studio_process

pytestmark = pytest.mark.integration

TABLE = '[{"id": "openai", "name": "OpenAI", "api_pattern": "x", "models": []}]'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no price table in the form of genai-prices: unexpected end of data"),
        ('[{"id": 1}]', "is no price table in the form of genai-prices: 0.id: Input should be a valid string"),
    ],
)
async def test_a_price_table_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_text(content)
    process = await start_studio(tmp_path / "data", variables={"JUNJO_PRICES_FILE": str(path)})
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().splitlines()[-1].startswith(f"studio: JUNJO_PRICES_FILE: {path} {why}")


async def test_a_path_is_relative_to_where_the_studio_starts(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text(TABLE)
    async with studio_process(tmp_path / "data", JUNJO_PRICES_FILE="prices.json") as studio:
        assert studio.http_port
