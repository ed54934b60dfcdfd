"""Prices and context windows of models, from the data that comes with genai-prices. Nothing is fetched.

The data takes 0.2 s and 30 MB to load, and 0.4 s and 110 MB where its byte code is not kept, so it is loaded on first
use. ``load`` does it beforehand, where nobody waits: the adapters, which are imported in a thread, call it.
"""

from functools import cache, lru_cache
from typing import Any

from actors.playground.prompt import Usage

# Our names of the providers, and those of genai-prices.
_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}


def load() -> None:
    """Load the data, so that no later call takes long."""
    _snapshot()


def cost(provider: str, model: str, usage: Usage) -> float | None:
    """The price of this usage today in US dollars; ``None`` where the price is not known.

    Tokens read from and written to a cache have their own prices; reasoning is paid for as output.
    """
    from genai_prices import Usage as Tokens  # noqa: PLC0415 - see the top of the file

    found = _find(provider, model)
    if found is None:
        return None
    tokens = Tokens(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.completion_tokens,
    )
    its_provider, its_model = found
    try:
        return float(its_model.calc_price(tokens, its_provider).total_price)
    except (ValueError, ArithmeticError):  # a count contradicts another, such as more cached tokens than there are
        return None


def context_window(provider: str, model: str) -> int | None:
    """The model's context window in tokens; ``None`` where it is not known."""
    found = _find(provider, model)
    if found is None:
        return None
    window: int | None = found[1].context_window
    return window


@lru_cache(maxsize=512)
def _find(provider: str, model: str) -> tuple[Any, Any] | None:
    """Find the provider and the model in the data. The data's own search would keep every name it is asked for."""
    providers = _snapshot().providers
    its_provider = next(known for known in providers if known.id == _PROVIDERS[provider])
    its_model = its_provider.find_model(model, all_providers=providers)
    return None if its_model is None else (its_provider, its_model)


@cache
def _snapshot() -> Any:  # noqa: ANN401 - its type is known only after the import
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - see the top of the file

    return get_snapshot()
