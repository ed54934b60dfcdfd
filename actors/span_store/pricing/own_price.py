"""Prices that admins have set, as values. They go before those of the price table."""

import re
from fnmatch import translate
from functools import lru_cache

import attrs

from actors.span_store.columns.model_names import provider_word

MOST_PATTERN = 200  # characters
MOST_PRICE = 1_000_000.0  # US dollars for a million tokens
_MOST_KEPT = 1024  # patterns


@attrs.frozen(kw_only=True)
class PerMillion:
    """US dollars for a million tokens of each kind.

    ``None`` for a kind of input that costs what other input does, and where the table has no price at all.
    """

    input: float | None
    output: float | None
    cache_read: float | None = None
    cache_write: float | None = None


def _one_word(provider: str | None) -> str | None:
    return None if provider is None else provider_word(provider) or provider.lower()


@attrs.frozen(kw_only=True)
class OwnPrice:
    """A price for the calls of some models that start at ``valid_from`` (Unix nanoseconds) or later.

    ``model`` is a pattern in which ``*`` stands for any text and ``?`` for one character; case does not matter.
    ``provider`` is our one word for it, ``None`` for all of them.
    """

    id: str
    model: str
    provider: str | None = attrs.field(converter=_one_word)
    valid_from: int
    per_million: PerMillion
    created_at: int  # Unix nanoseconds


@attrs.frozen
class Restatement:
    """The wish that spans which start at ``since`` (Unix nanoseconds) or later be priced anew. Revisions ascend."""

    revision: int
    since: int


@attrs.frozen(kw_only=True)
class OwnPrices:
    """All prices that admins have set, and all restatements."""

    prices: tuple[OwnPrice, ...] = ()
    restatements: tuple[Restatement, ...] = ()

    @property
    def revision(self) -> int:
        """That of the latest restatement, 0 for none."""
        return max((each.revision for each in self.restatements), default=0)

    def restated_since(self, revision: int) -> int | None:
        """From which start on spans are to be priced anew that were priced at this revision; ``None`` for none."""
        return min((each.since for each in self.restatements if each.revision > revision), default=None)


def is_of(price: OwnPrice, provider: str | None, model: str | None) -> bool:
    """Whether the price is one of this provider's and of this model, or has this very pattern; ``None`` is any."""
    if provider is not None and price.provider not in (None, provider_word(provider)):
        return False
    return model is None or price.model.lower() == model.lower() or fits(price.model, model)


def fits(pattern: str, model: str) -> bool:
    """Whether the pattern is one of the model. It takes no more than the product of their lengths."""
    return _compiled(pattern).match(model.lower()) is not None


@lru_cache(_MOST_KEPT)
def _compiled(pattern: str) -> "re.Pattern[str]":
    """``translate`` makes each star an atomic group, so nothing is tried twice. Brackets are no classes here."""
    return re.compile(translate(pattern.lower().replace("[", "[[]")))
