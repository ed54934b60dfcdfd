"""``JUNJO_PRICES_FILE``: prices from a file, and faults in it that are told at the start."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.actor import StartRefused
from actors.span_store.messages import PriceTable
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.explained import explained
from actors.span_store.pricing.own_price import OwnPrice, OwnPrices, PerMillion
from tests.spans import START

pytestmark = pytest.mark.unit


def table(**prices: Any) -> list[dict[str, Any]]:
    model = {"id": "gpt-4o", "match": {"starts_with": "gpt-4o"}, "prices": prices}
    return [{"id": "openai", "name": "OpenAI", "api_pattern": "https://api", "models": [model]}]


def written(folder: Path, content: object) -> Path:
    path = folder / "prices.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def rate(prices: CurrentPrices, provider: str, model: str) -> float | None:
    """Of a million input tokens."""
    found = prices.book.candidates(provider, model, START)
    return found[0].steps[0].input if found else None


def test_a_file_takes_the_place_of_the_package(tmp_path: Path) -> None:
    prices = CurrentPrices(written(tmp_path, table(input_mtok=7, output_mtok=1.5)))
    prices.load()
    assert rate(prices, "openai", "gpt-4o-mini") == 7
    assert rate(prices, "anthropic", "claude-sonnet-4-5") is None
    assert prices.table.source == "file"
    assert len(prices.table.version) == 12


def test_tiers_and_conditions_of_a_file_count(tmp_path: Path) -> None:
    tiers = {"base": 1, "tiers": [{"start": 1000, "price": 4}, {"start": 100, "price": 2}]}
    content = table(input_mtok=tiers, output_mtok=1)
    content[0]["models"][0]["prices"] = [
        {"prices": {"input_mtok": 9, "output_mtok": 9}},
        {"constraint": {"start_date": "2023-11-14"}, "prices": content[0]["models"][0]["prices"]},
        {"constraint": {"start_date": "2023-11-15"}, "prices": {"input_mtok": 5, "output_mtok": 5}},
    ]
    prices = CurrentPrices(written(tmp_path, content))
    prices.load()
    [of_day] = prices.book.candidates("openai", "gpt-4o", START)
    assert [of_day.step(tokens).input for tokens in (None, 0, 100, 101, 1000, 1001)] == [1, 1, 1, 2, 2, 4]
    assert of_day.valid_from == START // 86_400_000_000_000 * 86_400_000_000_000
    [before] = prices.book.candidates("openai", "gpt-4o", START - 86_400_000_000_000)
    [after] = prices.book.candidates("openai", "gpt-4o", START + 86_400_000_000_000)
    assert (before.steps[0].input, after.steps[0].input) == (9, 5)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(
        StartRefused, match=r"^JUNJO_PRICES_FILE: .*none.json cannot be read: No such file or directory$"
    ):
        CurrentPrices(path).load()
    with pytest.raises(StartRefused, match="cannot be read: Is a directory"):
        CurrentPrices(tmp_path).load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        {},
        [],
        [1],
        [None],
        [{"id": "openai"}],
        table(input_mtok="much", output_mtok=1),
        table(input_mtok=-1, output_mtok=1),
        table(input_mtok="NaN", output_mtok=1),
        table(input_mtok="Infinity", output_mtok=1),
        table(input_of_another_unit=1),
        table(cache_read_mtok=1),
        table(input_mtok={"base": 1, "tiers": [{"start": -5, "price": 1}]}, output_mtok=1),
        table(input_mtok=10**400, output_mtok=1),
        table(input_mtok="1e400", output_mtok=1),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path: Path, content: object) -> None:
    with pytest.raises(StartRefused) as refused:
        CurrentPrices(written(tmp_path, content)).load()
    assert str(refused.value).startswith("JUNJO_PRICES_FILE: ")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(StartRefused, match="has more than 64 MB"):
        CurrentPrices(path).load()


def test_the_package_says_its_version() -> None:
    prices = CurrentPrices()
    prices.load()
    assert prices.table == PriceTable(source="package", version=prices.table.version)
    assert prices.table.version[0].isdigit()


def test_a_reported_cost_needs_no_price() -> None:
    told = explained(
        CurrentPrices().book, model=None, provider=None, tokens=None, start_time_unix_nano=START, reported=0.25
    )
    assert (told.usd, told.source, told.lines, told.missing) == (0.25, "reported", (), None)


def test_own_prices_stay_when_the_file_is_read(tmp_path: Path) -> None:
    prices = CurrentPrices(written(tmp_path, table(input_mtok=7, output_mtok=1)))
    price = OwnPrice(
        id="1", model="gpt*", provider=None, valid_from=0, per_million=PerMillion(input=3, output=3), created_at=0
    )
    prices.use(OwnPrices(prices=(price,)))
    prices.load()
    assert rate(prices, "openai", "gpt-4o") == 3
