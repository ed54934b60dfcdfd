"""Waits of the command line for a studio that asks for them."""

from email.message import Message
from urllib.error import HTTPError

import pytest

from studio.transfer.client import _wait

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 1.0),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "60"}, 10.0),
        ({"Retry-After": "nan"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "Mon, 30 Nov 2026 12:00:03 GMT", "Date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 3.0),
    ],
)
def test_a_wait_in_every_form(headers: dict[str, str], seconds: float) -> None:
    said = Message()
    for name, value in headers.items():
        said[name] = value
    assert _wait(HTTPError("http://localhost", 503, "later", said, None)) == seconds
