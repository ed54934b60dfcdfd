"""Prices and context windows, from the installed data of genai-prices; only old figures of it stand here."""

import subprocess
import sys

import pytest

from actors.playground.model_facts import context_window, cost
from actors.playground.prompt import Usage

pytestmark = pytest.mark.unit

MILLION = 1_000_000


def test_input_and_output_have_their_prices() -> None:
    assert cost("openai", "gpt-4o-2024-08-06", Usage(prompt_tokens=MILLION, completion_tokens=0)) == pytest.approx(2.5)
    assert cost("openai", "gpt-4o-2024-08-06", Usage(prompt_tokens=0, completion_tokens=MILLION)) == pytest.approx(10)


def test_cached_tokens_are_cheaper_and_written_ones_dearer() -> None:
    read = Usage(prompt_tokens=1000, completion_tokens=0, cache_read_tokens=1000)
    written = Usage(prompt_tokens=1000, completion_tokens=0, cache_write_tokens=1000)
    assert cost("anthropic", "claude-3-7-sonnet-20250219", read) == pytest.approx(0.0003)
    assert cost("anthropic", "claude-3-7-sonnet-20250219", written) == pytest.approx(0.00375)


def test_reasoning_is_paid_for_once_as_output() -> None:
    silent = Usage(prompt_tokens=10, completion_tokens=1000)
    thinking = Usage(prompt_tokens=10, completion_tokens=1000, reasoning_tokens=900)
    assert cost("gemini", "gemini-2.5-flash", silent) == cost("gemini", "gemini-2.5-flash", thinking)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_of_a_model_that_nobody_knows_nothing_is_known(provider: str) -> None:
    assert cost(provider, "nobody-knows-1", Usage(prompt_tokens=1, completion_tokens=1)) is None
    assert context_window(provider, "nobody-knows-1") is None


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert cost("openai", "gpt-4o", Usage(prompt_tokens=1, completion_tokens=1, cache_read_tokens=5)) is None


def test_sizes_are_known() -> None:
    assert context_window("openai", "gpt-4o") == 128_000
    assert context_window("anthropic", "claude-3-7-sonnet-20250219") == 200_000


@pytest.mark.integration
def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    heavy = ("genai_prices", "openai", "anthropic", "google.genai", "httpx2")
    program = f"import sys, actors.playground.model_facts; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
