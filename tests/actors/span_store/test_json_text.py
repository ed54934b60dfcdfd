"""Texts of JSON that are kept take little more memory than they are long."""

import psutil
import pytest

from actors.span_store.columns.attributes import json_text

pytestmark = pytest.mark.integration

TEXTS = 50_000


def test_texts_that_are_kept_are_small() -> None:
    program = psutil.Process()
    before = program.memory_info().rss

    kept = [json_text({"a": number}) for number in range(TEXTS)]

    assert (program.memory_info().rss - before) / len(kept) < 1000  # bytes; orjson alone leaves 4,000
