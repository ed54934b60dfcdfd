"""Changes of the settings from one start to the next."""

from collections.abc import Mapping, Sequence

import attrs

_SEAL = ":"


@attrs.frozen(kw_only=True)
class Setting:
    """A setting as the trail compares it.

    ``value`` of a ``secret`` is ``KEY:DIGEST``: a name of the key, and a digest under it. Digests under two keys cannot
    be compared.
    """

    name: str
    value: str = attrs.field(repr=False)
    default: str = ""
    secret: bool = False

    def change_from(self, kept: str | None) -> Sequence[str] | str | None:
        """The values before and after, or "changed" for a secret; ``None`` where no change is known."""
        if not self.secret:
            before = self.default if kept is None else kept
            return None if self.value == before else (before, self.value)
        comparable = kept is not None and _key_of(kept) == _key_of(self.value)
        return "changed" if comparable and kept != self.value else None


def changes(kept: Mapping[str, str], settings: Sequence[Setting]) -> dict[str, str | Sequence[str]]:
    """Changes by the name of the setting. One without a stored value is compared with its default."""
    found = ((setting.name, setting.change_from(kept.get(setting.name))) for setting in settings)
    return {name: change for name, change in found if change is not None}


def _key_of(digest: str) -> str:
    return digest.partition(_SEAL)[0]
