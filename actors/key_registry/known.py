"""All keys in memory, so that a request's key is found without touching the disk."""

from collections.abc import Iterator
from datetime import datetime

import attrs

from actors.key_registry.messages import ApiKey, KeyState


@attrs.define(kw_only=True, eq=False)
class KnownKey:
    """A key that was not revoked, with its last use."""

    key: ApiKey  # as of its last change; ``listed`` knows of its use and its end
    digest: bytes
    used_at: datetime | None = None
    saved_at: datetime | None = None  # the ``used_at`` that is on disk
    replaced_by: str | None = None  # id of the key that it was rotated to
    sealed: bytes | None = attrs.field(default=None, repr=False)  # the secret
    end_told: bool = False

    def has_expired(self, now: datetime) -> bool:
        return self.key.expires_at is not None and now >= self.key.expires_at

    def listed(self, now: datetime) -> ApiKey:
        """The key as users see it."""
        state = KeyState.EXPIRED if self.has_expired(now) else KeyState.LIVE
        return attrs.evolve(self.key, last_used_at=self.used_at, state=state)


class KnownKeys:
    """Index of keys, with the last uses that the file does not have yet."""

    def __init__(self) -> None:
        self._by_digest: dict[bytes, KnownKey] = {}
        self._by_id: dict[str, KnownKey] = {}  # in order of issue
        self.find = self._by_digest.get  # by the digest of the secret; it may have expired
        self.get = self._by_id.get

    def __iter__(self) -> Iterator[KnownKey]:
        """Iterate over all keys, newest first."""
        return reversed(self._by_id.values())

    def of_owner(self, user_id: str) -> list[KnownKey]:
        """The keys of an owner, newest first."""
        return [known for known in self if known.key.owner.id == user_id]

    def add(self, known: KnownKey) -> None:
        self._by_digest[known.digest] = known
        self._by_id[known.key.id] = known

    def remove(self, known: KnownKey) -> None:
        del self._by_id[known.key.id]
        del self._by_digest[known.digest]

    def unsaved(self) -> list[KnownKey]:
        """Keys used since their last use was written to disk."""
        return [known for known in self if known.used_at != known.saved_at]

    def newly_expired(self, now: datetime) -> list[KnownKey]:
        """Expired keys whose end was not announced yet."""
        return [known for known in self if not known.end_told and known.has_expired(now)]

    def next_end(self) -> datetime | None:
        """The time of the next expiry."""
        ends = (known.key.expires_at for known in self if not known.end_told)
        return min((end for end in ends if end is not None), default=None)
