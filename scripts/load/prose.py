"""Text that compresses like English, in any amount, and no two pieces alike.

The words are drawn one by one with the frequencies that Zipf and Mandelbrot found in natural languages: the word of
rank r comes up in proportion to 1 / (r + 2.7). The most frequent are those of English, the others are made of
syllables, the longer the rarer. Nothing but these frequencies, spaces and full stops repeats. There is no grammar and
there are no set phrases, so that a compressor finds less here than in English: zstd at level 1 makes 1/2.1 to 1/2.3
of this and 1/2.3 to 1/2.7 of documents and licences (tests/scripts/test_load_payloads.py compares the two).
"""

import random
from itertools import accumulate

_FREQUENT = (  # noqa: SIM905 - as a list they fill a page
    "the of and to a in is you that it he was for on are as with his they I at be this have from or one had by word "
    "but not what all were we when your can said there use an each which she do how their if will up other about out "
    "many then them these so some her would make like him into time has look two more write go see number no way "
    "could people my than first water been call who its now find long down day did get come made may part over new "
    "sound take only little work know place year live me back give most very after thing our just name good sentence "
    "man think say great where help through much before line right too mean old any same tell boy follow came want "
    "show also around form"
).split()
_ONSETS = "b c d f g h l m n p r s t v w br ch cl cr dr fl gr pl pr sh sp st th tr".split()  # noqa: SIM905 - as above
_VOWELS = "a e i o u ai ea io ou".split()  # noqa: SIM905 - as above
_CODAS = ["", "", "", "n", "r", "s", "t", "l", "nd", "nt", "ng", "rs", "ment", "tion"]
_VOCABULARY = 10_000  # words, as in a long English text about one subject
_OFFSET = 2.7
_LONGEST = 1000  # sentences of a piece, at most


class Prose:
    """A long ASCII text without characters that JSON escapes, of which random pieces are taken."""

    def __init__(self, chance: random.Random, size: int) -> None:
        """Make a text of ``size`` bytes. Pieces rarely overlap when they are few beside it."""
        self._chance = chance
        self.words = _vocabulary(chance)  # the most frequent first
        frequencies = list(accumulate(1 / (rank + _OFFSET) for rank in range(1, len(self.words) + 1)))
        sentences = _sentences(chance, chance.choices(self.words, cum_weights=frequencies, k=size // 7))
        self._text = "".join([*sentences, *sentences[:_LONGEST]]).encode()
        self._starts = list(accumulate(map(len, sentences), initial=0))[:-1]

    def piece(self, length: int) -> bytes:
        """A number of bytes from the beginning of a sentence; cut off at the end, like an answer at its token limit."""
        start = self._starts[int(self._chance.random() * len(self._starts))]
        return self._text[start : start + length]


def _vocabulary(chance: random.Random) -> list[str]:
    """The words by rank."""
    words = dict.fromkeys(_FREQUENT)
    while len(words) < _VOCABULARY:
        syllables = 1 + (len(words) > 400) + (chance.random() * 3 * len(words) / _VOCABULARY > 1)
        words["".join(map(chance.choice, [_ONSETS, _VOWELS, _CODAS] * syllables))] = None
    return list(words)


def _sentences(chance: random.Random, words: list[str]) -> list[str]:
    sentences, begin = [], 0
    while begin < len(words):
        end = begin + chance.randint(4, 24)
        sentence = " ".join(words[begin:end])
        sentences.append(f"{sentence[0].upper()}{sentence[1:]}{chance.choice('....?')} ")
        begin = end
    return sentences
