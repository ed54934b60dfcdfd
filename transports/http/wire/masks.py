"""What is masked in an answer, as it stands in a query: names and expressions, as in ``JUNJO_MASK``."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from actors.errors import InvalidRequest, Problem
from actors.span_store.masking.masking import Masking
from actors.span_store.masking.reading import read_masking
from transports.http.framework.validation import echo, invalid

LONGEST = 2000  # characters
_MOST = 4  # expressions that are no named ones
# RE2 takes up to 0.4 s for an expression that is made to be large. One thread, so that nobody else waits for it.
_READER = ThreadPoolExecutor(1, thread_name_prefix="masks")


async def masking_in(written: str) -> Masking:
    """Read what is to be masked. ``InvalidRequest`` says which of it cannot be used; nothing at all is none."""
    return await asyncio.get_running_loop().run_in_executor(_READER, _read, written)


def _read(written: str) -> Masking:
    try:
        masking = read_masking(written, _MOST)
    except ValueError as fault:
        raise _refused(str(fault), written) from None
    if masking is None:
        raise _refused("must name a pattern", written)
    return masking


def names_of(masking: Masking) -> Sequence[str]:
    """The names of its patterns, without the expressions: these may tell what somebody wants to hide."""
    return [pattern.name for pattern in (*masking.rules.values, *masking.rules.keys)]


def _refused(reason: str, written: str) -> InvalidRequest:
    message = f"Input {reason}" if reason.startswith("must") else f"In this input {reason}"
    return invalid(Problem(type="value_error", location=("query", "mask"), message=echo(message), input=echo(written)))
