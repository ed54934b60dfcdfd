"""What changed in the settings from one start to the next."""

from collections.abc import Mapping, Sequence

import attrs

_SEAL = ":"


@attrs.frozen(kw_only=True)
class Setting:
    """A setting as the trail compares it.

    ``value`` of a ``secret`` is a digest, ``KEY:DIGEST``: under which key, by a name of it, and what came out. Digests
    under two keys tell nothing.
    """

    name: str
    value: str = attrs.field(repr=False)
    default: str = ""
    secret: bool = False

    def change_from(self, kept: str | None) -> Sequence[str] | str | None:
        """Before and after, or that a secret changed; ``None`` when it did not, as far as is known."""
        if not self.secret:
            before = self.default if kept is None else kept
            return None if self.value == before else (before, self.value)
        comparable = kept is not None and _key_of(kept) == _key_of(self.value)
        return "changed" if comparable and kept != self.value else None


def changes(kept: Mapping[str, str], settings: Sequence[Setting]) -> dict[str, str | Sequence[str]]:
    """By the name of each that changed. One that was not kept yet is compared with its default."""
    found = ((setting.name, setting.change_from(kept.get(setting.name))) for setting in settings)
    return {name: change for name, change in found if change is not None}


def _key_of(digest: str) -> str:
    return digest.partition(_SEAL)[0]
