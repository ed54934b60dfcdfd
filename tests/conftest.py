"""For all tests."""

import gc

from hypothesis import HealthCheck, settings

# Hypothesis measures time in two places, and fails where a machine is slow. No test here is about time.
settings.register_profile("studio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("studio")


def pytest_collection_finish() -> None:
    """Leave what was imported alone: each test that collects garbage would look through thousands of tests."""
    gc.collect()
    gc.freeze()
