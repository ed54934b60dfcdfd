"""The metadata of a call as headers."""

from collections.abc import Mapping
from typing import Any, cast

from grpclib.server import Stream


def headers_of(stream: Stream[Any, Any]) -> Mapping[str, str]:
    """Headers by lower-case name. Values are text, except those of names in ``-bin``, which no handler reads."""
    return cast("Mapping[str, str]", stream.metadata)
