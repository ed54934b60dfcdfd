"""What is wrong with the store at this moment, for whoever looks after it."""

import structlog

log = structlog.get_logger(__name__)

CURE = "stop the studio and run studio repair"

# Topics of problems that several parts find or solve.
DISK, FLUSH = "disk", "flush"
_DISK_FAILS = "The disk of the span store is full or fails: new spans are refused until it works"


class Problems:
    """Sentences by topic. Written by any thread; a topic has one sentence, and is logged when that changes."""

    def __init__(self) -> None:
        self._sentences: dict[str, str] = {}

    def found(self, topic: str, sentence: str, fault: BaseException | None = None) -> None:
        """``sentence`` goes to people who may not see the machine: no paths. The fault goes to the log."""
        if self._sentences.get(topic) != sentence:
            log.error("span store degraded", problem=sentence, exc_info=fault)
        self._sentences[topic] = sentence

    def disk_fails(self, fault: BaseException | None = None) -> None:
        self.found(DISK, _DISK_FAILS, fault)

    def solved(self, topic: str) -> None:
        sentence = self._sentences.pop(topic, None)
        if sentence is not None:
            log.info("span store problem solved", problem=sentence)

    def __contains__(self, topic: str) -> bool:
        return topic in self._sentences

    def sentences(self) -> tuple[str, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._sentences.values())
