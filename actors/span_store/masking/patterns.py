r"""Patterns of what is masked in values, the named ones among them.

Expressions are RE2's, so that the time of a search is linear in the text whatever the expression is. Where a check
follows, Python's ``re`` finds the same again in the texts that have any; those expressions have bounded repetitions.
"""

import re
from collections.abc import Callable

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import Untold
from actors.span_store.masking.checks import card, iban, social_security

_NO_DIGIT_BEFORE = "(?<![0-9])"  # which Python's ``re`` has, and RE2 has not
_PROBES = pa.array(["", "a", " a-1 "], pa.string())
_NONE = pa.scalar(0, pa.int32())


@attrs.frozen
class Pattern:
    """What is masked in texts: a name of what it is, and an expression that finds it.

    ``check`` says how many characters of what was found are really to be masked, from the first on; 0 for none.
    """

    name: str
    expression: str
    check: Callable[[str], int] | None = None

    @property
    def mask(self) -> str:
        """What stands in place of it."""
        return f"[{self.name}]"

    def fault(self) -> str:
        """Why the expression cannot be used, or ""."""
        try:
            counts = pc.count_substring_regex(_PROBES, self.expression)
            without = pc.replace_substring_regex(_PROBES, self.expression, "")
        except (pa.ArrowInvalid, UnicodeEncodeError) as fault:
            return str(fault)
        of_nothing = pc.and_(pc.greater(counts, _NONE), pc.equal(without, _PROBES))
        return "it matches where nothing is, so it would be found in every text" if any(of_nothing.to_pylist()) else ""

    def masked(self, texts: Untold) -> tuple[Untold, list[int]]:
        """The texts with what was found replaced, and how often in each."""
        found: Untold = pc.count_substring_regex(texts, self.expression)
        counts: list[int] = found.to_pylist()
        if not any(counts):
            return texts, counts
        if self.check is None:
            return pc.replace_substring_regex(texts, self.expression, self.mask), counts
        made = [
            self._checked(text) if count else (text, 0) for text, count in zip(texts.to_pylist(), counts, strict=True)
        ]
        return pa.array([text for text, _ in made], pa.large_string()), [count for _, count in made]

    def _checked(self, text: str) -> tuple[str, int]:
        """The text with what passes the check replaced. What fails may have something good that begins in it."""
        assert self.check is not None  # noqa: S101 - the caller has looked
        search = re.compile(_NO_DIGIT_BEFORE + f"(?:{self.expression})", re.ASCII).search
        pieces, done, place = [], 0, 0
        while found := search(text, place):
            length = self.check(found[0])
            place = found.start() + 1
            if length:
                pieces.append(text[done : found.start()])
                done = place = found.start() + length
        return self.mask.join([*pieces, text[done:]]), len(pieces)


_BYTE = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_LETTER = r"A-Za-z\x{80}-\x{10FFFF}"
_LOCAL = r"""[^\s@<>()\[\]{}\\,;:"'`/=|!?&]"""
# What has no prefix is a studio's own. RE2 unrolls what repeats, so the prefixes share what follows them.
_API_KEY = (
    r"\b(?:(?:(?:sk|pk|rk|sess|glpat|xox[abeoprs])-|AIza|ya29\.|SG\.|github_pat_|lsv2_(?:pt|sk)_)[A-Za-z0-9_-]{16}"
    r"[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
    r"|(?:(?:sk|pk|rk)_(?:live|test)_|whsec_|gh[pousr]_|(?:hf|gsk|r8|npm|dop_v1)_|(?:xai|pplx)-)[A-Za-z0-9]{16}"
    r"[A-Za-z0-9]*|(?:AKIA|ASIA)[A-Z0-9]{16}\b|[A-Za-z0-9]{64}\b)"
)
_PHONE = (
    r"\+[1-9][0-9]{0,3}(?:[ ./()-]{0,2}[0-9]){6,13}\b"
    r"|(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\b"  # in North America
)
# In the order in which they are looked for: what is inside another one comes after it.
NAMED = tuple(
    Pattern(*each)
    for each in (
        ("private_key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:(?s:.*?)-----END [A-Z0-9 ]*PRIVATE KEY-----|[^\"]*)"),
        ("jwt", r"\beyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"),
        ("bearer", r"(?i:\bbearer)[ \t]+[A-Za-z0-9._~+/=-]{19,}[A-Za-z0-9_~+/=-]"),
        ("api_key", _API_KEY),
        ("email", rf"{_LOCAL}+@[0-9-]*[{_LETTER}][0-9{_LETTER}-]*(?:\.[0-9{_LETTER}-]+)*\.[A-Za-z]{{2,24}}\b"),
        ("iban", r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b", iban),
        (
            "credit_card",
            r"(?:[0-9]{4}[ -]?){3}[0-9]{4}(?:[ -]?[0-9]{3})?\b|[0-9]{4}[ -]?[0-9]{6}[ -]?[0-9]{4,5}\b|[0-9]{13,19}\b",
            card,
        ),
        ("us_ssn", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", social_security),
        ("phone", _PHONE),
        ("ipv4", rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b"),
    )
)
