"""Lazy import of the providers' SDKs: they take half a second and 25 to 55 MB each."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

_PROGRAM = """
import sys
import studio.app
print(*sorted({"openai", "anthropic", "google.genai", "genai_prices", "httpx2"} & set(sys.modules)))
"""


def test_the_studio_starts_without_the_sdks() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
