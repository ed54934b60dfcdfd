"""The present prices, shared by all parts of a store and by its successors."""

from pathlib import Path

from actors.span_store.messages import PriceTable
from actors.span_store.pricing.book import PriceBook, Table
from actors.span_store.pricing.own_price import OwnPrices
from actors.span_store.pricing.price_table import FilePrices, PackagePrices


class CurrentPrices:
    """Holds the price book that counts now. Other threads read ``book``, which is replaced as a whole."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` is a file that takes the place of the package's table; ``load`` reads it."""
        self._path = path
        self._table: Table = PackagePrices()
        self.book = PriceBook(OwnPrices(), self._table)

    @property
    def table(self) -> PriceTable:
        """Where the prices come from that no admin has set."""
        return self._table.table

    def load(self) -> None:
        """Read the file, if there is one. Blocks. ``StartRefused`` says what is wrong with it."""
        if self._path is not None:
            self._table = FilePrices(self._path)
            self.book = PriceBook(self.book.own, self._table)

    def use(self, own: OwnPrices) -> None:
        """Price with these from now on."""
        if own != self.book.own:
            self.book = PriceBook(own, self._table)
