"""The metadata of a call, seen as the headers they are."""

from collections.abc import Mapping
from typing import Any, cast

from grpclib.server import Stream


def headers_of(stream: Stream[Any, Any]) -> Mapping[str, str]:
    """By lower-case name. Values are text, except those of names in ``-bin``, which nobody here asks for."""
    return cast("Mapping[str, str]", stream.metadata)
