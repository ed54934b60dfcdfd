"""Ended keys, so that a program that still has one is told what is wrong."""

from collections.abc import Iterable

from actors.audit import AuditedTransaction

_MOST = 10_000  # the newest; 32 bytes each and what holds them


class EndedKeys:
    """The digests of the keys that ended last."""

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        """``digests`` are in the order of their ends."""
        self._digests = dict.fromkeys(digests)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def add(self, digest: bytes) -> None:
        self._digests[digest] = None
        while len(self._digests) > _MOST:
            del self._digests[next(iter(self._digests))]


async def write_end(transaction: AuditedTransaction, digest: bytes, at: int) -> None:
    """Store an end (Unix seconds), and delete the oldest where there are too many."""
    await transaction.rows("INSERT INTO ended_keys (digest, ended_at) VALUES (?, ?)", digest, at)
    await transaction.rows("DELETE FROM ended_keys WHERE position <= (SELECT max(position) FROM ended_keys) - ?", _MOST)
