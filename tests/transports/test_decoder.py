"""Small requests are decoded while a large one is."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.span_store.masking.reading import read_masking
from transports.otlp.decoder import Decoder, decoding_memory

pytestmark = [pytest.mark.unit, pytest.mark.concurrency]

LARGE = 5 * 1024 * 1024


async def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    small_is_done = threading.Event()
    with ThreadPoolExecutor(1) as small, ThreadPoolExecutor(1) as large:
        decoder = Decoder(small, large)
        slow = asyncio.create_task(decoder.run(lambda: small_is_done.wait(60), LARGE))
        await decoder.run(small_is_done.set, 100)

        assert await slow


def test_json_is_expected_to_take_more_memory() -> None:
    assert decoding_memory(1000, json=True) > decoding_memory(1000) > 1000


def test_masking_is_expected_to_take_more_memory() -> None:
    masked = Decoder(masking=read_masking("email"))
    assert masked.memory(1000) == Decoder().memory(1000, json=True) > Decoder().memory(1000)
