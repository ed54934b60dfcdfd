"""Which traces may have sealed spans: a Bloom filter (B. Bloom, 1970), a few megabytes for millions of traces."""

import mmap
from collections.abc import Iterable

_BITS = 2**26  # 8 MB; one in a hundred new traces is taken for a known one at seven million traces
_MASK = _BITS - 1
_PROBES = (0, 26, 52, 78, 102)  # trace ids are random, so parts of one are as good as hashes of it


class TraceBloom:
    """Never says no to a trace that was added; seldom says yes to one that was not."""

    def __init__(self) -> None:
        self._bits = mmap.mmap(-1, _BITS // 8)  # takes memory only where bits were set

    def add(self, trace_ids: Iterable[str]) -> None:
        for trace_id in trace_ids:
            number = int(trace_id, 16)
            for shift in _PROBES:
                bit = number >> shift & _MASK
                self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, trace_id: str) -> bool:
        number = int(trace_id, 16)
        for shift in _PROBES:
            bit = number >> shift & _MASK
            if not self._bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True
