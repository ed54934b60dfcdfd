"""Own prices, looked up by the model and the provider of a call."""

from actors.span_store.pricing.own_price import OwnPrice, fits

_LONGEST_NAME = 256  # characters


class Patterns:
    """Prices in the order in which they count: longer patterns, those of one provider, later ones first."""

    def __init__(self, prices: tuple[OwnPrice, ...]) -> None:
        self._prices = sorted(prices, key=_rank, reverse=True)

    def of(self, provider: str | None, model: str) -> list[OwnPrice]:
        """The prices of a model, the best first; each counts from its ``valid_from`` on."""
        if len(model) > _LONGEST_NAME:
            return []
        of_provider = (price for price in self._prices if price.provider in (None, provider))
        return [price for price in of_provider if fits(price.model, model)]


def _rank(price: OwnPrice) -> tuple[int, bool, int, int]:
    return len(price.model), price.provider is not None, price.valid_from, price.created_at
