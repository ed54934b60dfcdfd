"""Large values of a span: of those the beginning is shown, and it is known which ones they are."""

from collections.abc import Mapping
from typing import Any

import orjson

from actors.span_store.traces.detail import LARGEST, SHOWN, Truncated


class LargeValues:
    """Cuts values of more than ``LARGEST`` bytes. ``truncated`` names them, in the order in which they were cut."""

    def __init__(self) -> None:
        self.truncated: list[Truncated] = []

    def all_shown(self, within: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes, each as it is shown."""
        return {key: self.shown(within, key, value) for key, value in attributes.items()}

    def shown(self, within: str, key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """The value, or the beginning of its text."""
        if not isinstance(value, str | list | dict):
            return value
        if isinstance(value, str) and 4 * len(value) <= LARGEST:  # no character has more bytes
            return value
        text = value.encode() if isinstance(value, str) else orjson.dumps(value)
        if len(text) <= LARGEST:
            return value
        self.truncated.append(Truncated(within=within, key=key, bytes=len(text)))
        return text[:SHOWN].decode(errors="ignore")
