"""For all tests."""

import gc
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.marks import may_match

# Hypothesis measures time in two places, and fails where a machine is slow. No test here is about time.
settings.register_profile("studio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("studio")
_MARK = re.compile(r"\bmark\.(\w+)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files unread whose tests ``-m`` leaves out: each process takes ten seconds to import all of them."""
    if not collection_path.name.startswith("test_"):
        return None
    declared = {line.partition(":")[0] for line in config.getini("markers")}
    marks = declared.intersection(_MARK.findall(collection_path.read_text(encoding="utf-8")))
    return None if may_match(config.option.markexpr, marks) else True


def pytest_collection_finish() -> None:
    """Leave what was imported alone: each test that collects garbage would look through thousands of tests."""
    gc.collect()
    gc.freeze()
