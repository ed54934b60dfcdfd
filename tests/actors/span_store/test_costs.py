"""Costs of model calls, held against sums that were made by hand, and against a plain evaluation one by one."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isclose
from typing import Any

import attrs
import pyarrow as pa
import pytest

from actors.span_store.columns.rows import rows_of
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.messages import PriceTable
from actors.span_store.pricing.book import MOST_LOOKED_FOR, PriceBook
from actors.span_store.pricing.cost import Cost
from actors.span_store.pricing.costs import COST, SOURCE, priced, priced_anew
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.explained import explained
from actors.span_store.pricing.own_price import OwnPrice, OwnPrices, PerMillion, Restatement
from actors.span_store.pricing.price_table import Listed, PackagePrices
from tests.spans import START, span

pytestmark = pytest.mark.unit

BOOK = CurrentPrices().book
HOUR = 3600 * 1_000_000_000
NEAR = 1e-12


@attrs.frozen(kw_only=True)
class Tokens:
    """The tokens of a call."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


def call(number: int = 1, *, start: int = START, operation: str = "chat", **others: Any) -> Span:
    names = {
        "provider": "gen_ai.provider.name",
        "model": "gen_ai.response.model",
        "input": "gen_ai.usage.input_tokens",
        "output": "gen_ai.usage.output_tokens",
        "cache_read": "gen_ai.usage.cache_read.input_tokens",
        "cache_write": "gen_ai.usage.cache_creation.input_tokens",
        "reasoning": "gen_ai.usage.reasoning.output_tokens",
        "cost": "gen_ai.usage.cost",
    }
    attributes = {names[name]: value for name, value in others.items() if value is not None}
    return span(number, start=start, attributes={"gen_ai.operation.name": operation} | attributes)


def rows(*spans: Span) -> pa.RecordBatch:
    return rows_of(span_columns(spans))


def costs(spans: Sequence[Span], book: PriceBook = BOOK) -> list[tuple[float | None, str | None]]:
    made = priced(rows(*spans), book)
    return list(zip(made[COST].to_pylist(), made[SOURCE].to_pylist(), strict=True))


def cost(book: PriceBook = BOOK, **of_call: Any) -> float | None:
    [(usd, source)] = costs([call(**of_call)], book)
    assert source == (None if usd is None else "computed")
    return usd


def own(model: str, amount: float, *, provider: str | None = None, valid_from: int = 0, **more: float) -> OwnPrice:
    per_million = PerMillion(input=amount, output=more.pop("output", 0.0), **more)
    return OwnPrice(
        id=model, model=model, provider=provider, valid_from=valid_from, per_million=per_million, created_at=0
    )


def book_of(*prices: OwnPrice) -> PriceBook:
    return PriceBook(OwnPrices(prices=prices), BOOK.table)


OPENAI: dict[str, Any] = {"provider": "openai", "model": "gpt-4o-2024-08-06", "input": 1000, "output": 100}
ANTHROPIC: dict[str, Any] = {"provider": "anthropic", "model": "claude-sonnet-4-5-20250929", "output": 500}
GEMINI: dict[str, Any] = {"provider": "gcp.gemini", "model": "gemini-2.5-pro", "output": 1000}


@pytest.mark.parametrize(
    ("of_call", "expected"),
    [
        # 600 of 2.5, 400 of 1.25, 100 of 10 dollars a million
        (OPENAI | {"cache_read": 400}, 0.0015 + 0.0005 + 0.001),
        # reasoning is output: 60 and 40 of 10
        (OPENAI | {"reasoning": 40}, 0.0025 + 0.001),
        # 2,000 of 3, 10,000 of 0.3, 4,000 of 3.75, 500 of 15
        (ANTHROPIC | {"input": 16_000, "cache_read": 10_000, "cache_write": 4000}, 0.006 + 0.003 + 0.015 + 0.0075),
        # its own numbers leave the cache out: 10 of 3, 10,000 of 0.3, 4,000 of 3.75, 500 of 15
        (ANTHROPIC | {"input": 10, "cache_read": 10_000, "cache_write": 4000}, 0.00003 + 0.003 + 0.015 + 0.0075),
        # above 200,000 input tokens all of them have the price of the tier: 200,001 of 6, 500 of 22.5
        (ANTHROPIC | {"input": 200_001}, 1.200006 + 0.01125),
        (GEMINI | {"input": 200_000}, 0.25 + 0.01),
        (GEMINI | {"input": 200_001}, 0.5000025 + 0.015),
        # cached ones count for the tier: 100,001 of 2.5, 100,000 of 0.25, 1,000 of 15
        (GEMINI | {"input": 200_001, "cache_read": 100_000}, 0.2500025 + 0.025 + 0.015),
    ],
)
def test_costs_of_known_models(of_call: Mapping[str, Any], expected: float) -> None:
    found = cost(**of_call)
    assert found is not None
    assert isclose(found, expected, rel_tol=NEAR)


@pytest.mark.parametrize("output", [None, 0])
def test_the_cost_of_an_embedding(output: int | None) -> None:
    of_call: dict[str, Any] = {"operation": "embeddings", "provider": "openai", "model": "text-embedding-3-small"}
    assert cost(**of_call, input=50_000, output=output) == pytest.approx(0.001, rel=NEAR)


def test_what_a_cache_took_costs_what_input_does_where_it_has_no_price() -> None:
    assert cost(**OPENAI, cache_write=400) == cost(**OPENAI)


def test_a_reported_cost_wins() -> None:
    assert costs([call(**OPENAI, cost=0.5)]) == [(0.5, "reported")]


def test_a_reported_cost_of_nothing_is_none() -> None:
    """Some libraries report 0 for a model whose price they do not know."""
    assert costs([call(**OPENAI, cost=0)]) == costs([call(**OPENAI)])


def test_less_than_nothing_is_no_cost() -> None:
    assert costs([call(**OPENAI, cost=-1.0)]) == costs([call(**OPENAI)])


@pytest.mark.parametrize(
    "of_call",
    [
        {"model": "none-like-it"},
        {"provider": "a gateway of ours"},
        {"provider": "ollama", "model": "llama3"},
        {"model": None, "provider": None},
        {"model": "x" * 100_000},
        {"provider": "y" * 100_000},
        {"input": None, "output": None},
        {"model": "text-embedding-3-small"},  # its output has no price, and there is some
    ],
)
def test_what_has_no_price_is_null(of_call: dict[str, Any]) -> None:
    assert cost(**OPENAI | of_call) is None


def test_other_spans_have_no_computed_cost() -> None:
    spans = [call(number, operation=kind, **OPENAI) for number, kind in enumerate(["invoke_agent", "execute_tool", ""])]
    batch = rows(*spans, span(9))
    assert priced(batch, BOOK) is batch
    assert batch[COST].null_count == batch[SOURCE].null_count == 4


def test_a_provider_that_nobody_says_is_told_by_the_model() -> None:
    assert cost(**OPENAI | {"provider": None}) == cost(**OPENAI)


def test_longer_patterns_go_before_shorter_ones_and_all_before_the_table() -> None:
    assert cost(book_of(own("*", 1)), **OPENAI) == 0.001
    prices = own("gpt-4o*", 1), own("gpt-4o-2024-??-*", 2), own("*", 3), own("gpt-4", 4), own("GPT-4O-[2]*", 5)
    for number in range(20):
        assert cost(book_of(*random.Random(number).sample(prices, 5)), **OPENAI) == 0.002


def test_a_price_of_the_provider_goes_before_one_of_all_that_is_as_long() -> None:
    prices = own("gpt-4o*", 1), own("gpt-*4o*", 3), own("gpt-4o*", 2, provider="OpenAI"), own("*", 9, provider="azure")
    assert cost(book_of(*prices[:1], *prices[2:]), **OPENAI) == 0.002
    assert cost(book_of(*prices), **OPENAI) == 0.003
    assert cost(book_of(prices[3]), **OPENAI | {"provider": "azure_openai"}) == 0.009


def test_the_latest_price_counts_that_is_valid_at_the_start() -> None:
    begin = START // (24 * HOUR) * 24 * HOUR
    book = book_of(*(own("*", n, valid_from=begin + n * HOUR) for n in (3, 1, 2)), own("gpt-4o*", 7, valid_from=2**62))
    starts = [begin + offset for offset in (HOUR, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR, 24 * HOUR)]
    spans = [call(number, start=start, **OPENAI) for number, start in enumerate(starts)]
    assert [usd for usd, _ in costs(spans, book)] == [0.001, 0.001, 0.002, 0.003, 0.003]
    assert cost(book, start=begin + HOUR - 1, **OPENAI) == cost(start=begin + HOUR - 1, **OPENAI) == 0.0035


def test_prices_of_the_table_are_those_of_the_spans_own_time() -> None:
    at_night, at_day = datetime(2025, 6, 1, 16, 30, tzinfo=UTC), datetime(2025, 6, 1, 16, 29, 59, tzinfo=UTC)
    of_call: dict[str, Any] = {"provider": "deepseek", "model": "deepseek-chat", "input": 1_000_000, "output": 0}
    spans = [
        call(number, start=int(moment.timestamp()) * 1_000_000_000, **of_call)
        for number, moment in enumerate((at_night, at_day, at_night.replace(day=2, hour=0, minute=30)))
    ]
    assert [usd for usd, _ in costs(spans)] == pytest.approx([0.135, 0.27, 0.27], rel=NEAR)


def near(usd: float | None) -> Any:
    """What is no further from it than rounding takes it."""
    return None if usd is None else pytest.approx(usd, rel=NEAR)


def mixed(count: int) -> list[Span]:
    chance = random.Random(count)

    def maybe(most: int) -> int | None:
        return chance.choice([None, 0, chance.randrange(most)])

    models = ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "deepseek-chat", "o3", "none", "text-embedding-3-small"]
    return [
        call(
            number + 1,
            start=START + chance.randrange(100) * HOUR,
            operation=chance.choice(["chat", "embeddings", "execute_tool"]),
            model=chance.choice(models),
            input=maybe(300_000),
            output=maybe(5000),
            cache_read=maybe(1000),
            cache_write=maybe(1000),
            reasoning=maybe(400),
            cost=chance.choice([None, None, 0.25]),
        )
        for number in range(count)
    ]


def test_many_calls_at_once_cost_what_each_costs_alone_and_what_its_lines_add_up_to() -> None:
    spans = mixed(600)
    book = book_of(own("o3", 3, cache_read=1, output=4.5, valid_from=START + 30 * HOUR))
    together = costs(spans, book)
    assert len({usd for usd, _ in together}) > 100
    for (usd, source), each in zip(together, spans, strict=True):
        [(alone, its_source)] = costs([each], book)
        assert (near(alone), its_source) == (usd, source)
    for row, (usd, source) in zip(priced(rows(*spans), book).to_pylist(), together, strict=True):
        if row["type"] in ("llm", "embedding"):
            told = explanation(row, book)
            assert told.source == source
            assert told.usd == near(usd)
            if source == "computed":
                assert sum(line.usd for line in told.lines) == pytest.approx(usd, rel=NEAR)
            assert (told.missing is None) is (usd is not None)


def explanation(row: Mapping[str, Any], book: PriceBook = BOOK, stored: float | None = None) -> Cost:
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    return explained(
        book,
        model=row["model"],
        provider=row["provider"],
        tokens=Tokens(**{name: row[f"{name}_tokens"] for name in names}),
        start_time_unix_nano=row["start_time_unix_nano"],
        reported=row["cost"],
        stored=stored,
    )


def row_of(**of_call: Any) -> Mapping[str, Any]:
    [row] = rows(call(**of_call)).to_pylist()
    return dict(row)


def test_an_explanation_names_the_price_and_disjoint_lines() -> None:
    told = explanation(row_of(**ANTHROPIC, input=16_000, cache_read=10_000, cache_write=4000, reasoning=100))
    assert told.price is not None
    assert (told.price.provider, told.price.model, told.price.own) == ("anthropic", "claude-sonnet-4-5", False)
    assert told.price.per_million == PerMillion(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75)
    assert [(line.kind, line.tokens) for line in told.lines] == [
        ("input", 2000),
        ("cache_read", 10_000),
        ("cache_write", 4000),
        ("output", 400),
        ("reasoning", 100),
    ]
    assert told.usd == pytest.approx(0.0315, rel=NEAR)


def test_an_explanation_says_what_is_missing() -> None:
    assert explanation(row_of(**OPENAI | {"model": "none"})).missing == "There is no price for none of openai"
    assert explanation(row_of(**OPENAI | {"model": None})).missing == "The span names no model"
    assert explanation(row_of(**OPENAI | {"input": None, "output": None})).missing == "The span has no counts of tokens"
    unsaid = explanation(row_of(**OPENAI | {"model": "text-embedding-3-small"}))
    assert (unsaid.usd, unsaid.missing) == (None, "There is no price for output tokens")


def test_a_stored_cost_is_explained_by_the_price_that_it_was_computed_with() -> None:
    row = row_of(**OPENAI)
    book = book_of(own("*", 1), own("gpt*", 2))
    assert [explanation(row, book, usd).price.model for usd in (0.001, 0.002, 0.0035)] == ["*", "gpt*", "gpt-4o"]  # type: ignore[union-attr] # there is one, or the test fails
    gone = explanation(row, book, 0.7)
    assert (gone.usd, gone.source, gone.lines) == (0.7, "computed", ())
    assert gone.missing == "The price that it was computed with counts no longer"


def test_a_request_that_is_paid_for_is_a_line() -> None:
    of_call: dict[str, Any] = {"provider": "perplexity", "model": "sonar", "input": 1000, "output": 1000}
    told = explanation(row_of(**of_call))
    assert [(line.kind, line.usd) for line in told.lines][-1] == ("request", 0.012)
    assert cost(**of_call) == pytest.approx(0.014, rel=NEAR) == told.usd


def test_costs_are_made_anew_from_a_time_on_and_reported_ones_stay() -> None:
    spans = [call(1, **OPENAI), call(2, start=START + 5, **OPENAI), call(3, start=START + 9, **OPENAI, cost=0.5)]
    spans.append(call(4, start=START + 7, **OPENAI | {"model": "ours"}))
    before = priced(rows(*spans), BOOK)
    after = priced_anew(before, START + 5, book_of(own("*", 1)))
    assert after[COST].to_pylist() == [0.0035, 0.001, 0.5, 0.001]
    assert after[SOURCE].to_pylist() == ["computed", "computed", "reported", "computed"]
    assert priced_anew(after, 0, BOOK)[COST].to_pylist() == [0.0035, 0.0035, 0.5, None]


@pytest.mark.parametrize(
    ("of_call", "expected"),
    [
        (OPENAI, (0.0035, "computed")),
        (OPENAI | {"input": None, "output": None}, (None, None)),
        (OPENAI | {"input": None, "output": None, "cache_read": 7}, (None, None)),
        (OPENAI | {"model": "none"}, (None, None)),
        (OPENAI | {"cost": 0.5}, (0.5, "reported")),
    ],
)
def test_many_calls_that_are_alike(of_call: dict[str, Any], expected: tuple[float | None, str | None]) -> None:
    spans = [call(number, **of_call) for number in range(200)]
    assert costs(spans) == [expected] * 200
    others = [span(200 + number, attributes={"gen_ai.operation.name": "execute_tool"}) for number in range(200)]
    assert costs([*others, *spans]) == [(None, None)] * 200 + [expected] * 200


class CountedTable:
    """The package's prices; counts what is looked for."""

    def __init__(self) -> None:
        self._prices = PackagePrices()
        self.table = PriceTable(source="package", version="1")
        self.looked_for = 0

    def find(self, provider: str | None, model: str) -> Listed | None:
        self.looked_for += 1
        return self._prices.find(provider, model)


def test_the_prices_of_a_model_are_looked_for_once() -> None:
    table = CountedTable()
    book = PriceBook(OwnPrices(), table)
    for day in range(3):
        costs([call(n, start=START + day * 24 * HOUR, **OPENAI) for n in range(100)], book)
    assert table.looked_for == 1


def test_names_that_nobody_has_seen_are_looked_for_in_bounds() -> None:
    table = CountedTable()
    book = PriceBook(OwnPrices(), table)
    costs([call(number, **OPENAI | {"model": f"gpt-4o-{number}"}) for number in range(3 * MOST_LOOKED_FOR)], book)
    assert table.looked_for == MOST_LOOKED_FOR


def test_many_hostile_patterns_are_matched_in_bounds() -> None:
    patterns = [f"{'*a' * 99}{number % 10}" for number in range(1000)]
    book = book_of(*(own(pattern, 1) for pattern in patterns))
    assert cost(book, **OPENAI | {"model": "a" * 256}) is None
    assert cost(book_of(own("*?" * 100, 1)), **OPENAI | {"model": "a" * 256}) == 0.001


def test_restatements_say_from_when_on_costs_are_made_anew() -> None:
    prices = OwnPrices(restatements=(Restatement(3, 50), Restatement(7, 90)))
    assert prices.revision == 7
    assert [prices.restated_since(revision) for revision in (0, 2, 3, 6, 7)] == [50, 50, 90, 90, None]
    assert (OwnPrices().revision, OwnPrices().restated_since(0)) == (0, None)
