"""Where a span stands in the order of arrival, as a page gives it and whoever wants the next page gives it back."""

import re

import attrs

_FORM = re.compile(r"[0-9]{1,19}")


@attrs.frozen(order=True)
class Position:
    """Comes before that of every span that arrived later. What the number says is known to the engine that gave it."""

    number: int = attrs.field(validator=[attrs.validators.ge(0), attrs.validators.lt(2**64)])

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def from_text(cls, text: str) -> "Position":
        """The inverse of ``str``; ``ValueError`` for any other text."""
        if not _FORM.fullmatch(text):
            raise ValueError("no position")
        return cls(int(text))
