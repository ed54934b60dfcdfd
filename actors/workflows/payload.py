"""A payload: JSON text in an attribute, and beside it in which mode it was recorded."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs
import orjson

from actors.workflows.span import text_in

Mode: TypeAlias = Literal["full", "redacted", "excluded", "reference", "missing"]
_MODES: Final = frozenset(get_args(Mode))


@attrs.frozen
class Payload:
    """What was recorded. ``text`` is ``None`` where nothing is; junjo before 0.64 says no mode and records all."""

    mode: Mode
    text: str | None = attrs.field(default=None, repr=False)
    policy: str | None = None

    @property
    def is_full(self) -> bool:
        return self.mode == "full"

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """The value, made anew each time. ``ValueError`` when the text is no JSON, or when there is none."""
        if self.text is None:
            raise ValueError("nothing was recorded")
        return orjson.loads(self.text)


MISSING: Final = Payload("missing")


def payload_in(attributes: Mapping[str, Any], root: str) -> Payload:
    """The payload of an attribute, by its companions ``ROOT.mode`` and ``ROOT.policy``."""
    value: Any = attributes.get(root)
    said: Any = text_in(attributes, f"{root}.mode")  # no map or array, of which no set can be asked
    text = value if isinstance(value, str) else None
    known: Mode | None = said if said in _MODES else None
    mode: Mode = known or ("missing" if text is None else "full")
    if mode == "full" and text is None:
        mode = "missing"
    return Payload(mode, text, text_in(attributes, f"{root}.policy"))
