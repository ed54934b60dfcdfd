"""The wait that an answer asks for, in each form that HTTP allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from actors.retry_after import seconds_to_wait

pytestmark = pytest.mark.unit

_NOON, _LATER = "Mon, 30 Nov 2026 12:00:00 GMT", "Mon, 30 Nov 2026 12:00:20 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "20"}, 20.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": _LATER, "Date": _NOON}, 20.0),
        ({"Retry-After": "Monday, 30-Nov-26 12:00:20 GMT", "Date": _NOON}, 20.0),
        ({"Retry-After": "Mon Nov 30 12:00:20 2026", "Date": _NOON}, 20.0),
        ({"Retry-After": _NOON, "Date": _LATER}, 0.0),
        ({"Retry-After": "Mon, 30 Nov 2020 12:00:20 GMT"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250.5", "Retry-After": "20"}, 0.2505),
        ({"retry-after-ms": "soon", "Retry-After": "20"}, 20.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e308"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "999999999"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Mon, 30 Nov 9999 12:00:00 GMT", "Date": _NOON}, None),
        ({"Retry-After": "Mon, 99 Nov 2026 12:00:00 GMT"}, None),
        ({"Retry-After": _LATER, "Date": "yesterday"}, None),
    ],
)
def test_every_form_of_a_wait(headers: dict[str, str], seconds: float | None) -> None:
    found = seconds_to_wait(CIMultiDict(headers))
    if headers.get("Date") == "yesterday":  # counted from now, then: within reason or not
        assert found is None or found >= 0
    else:
        assert found == seconds


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_header_is_too_odd(after: str, milliseconds: str, date: str) -> None:
    found = seconds_to_wait(CIMultiDict({"retry-after": after, "retry-after-ms": milliseconds, "date": date}))
    assert found is None or 0 <= found <= 1_000_000
