"""Checks of what looks like a number of some kind: check digits, and numbers that are never given out.

Each takes the text that was found, and returns how many of its characters, from the first on, are such a number: 0 for
none.
"""

import re

_SEPARATORS = str.maketrans("", "", " -")
# Prefixes and lengths of cards, after ISO/IEC 7812 and what their networks publish.
_CARD = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))[0-9]{8,14}"  # Mastercard: 16 digits, see below
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}"  # Diners Club
    r"|6(?:011|4[4-9]|5)[0-9]{12,16}|62[0-9]{14,17}|35[0-9]{14}"  # Discover, UnionPay, JCB
)
_MASTERCARD_DIGITS = 16
_HIGHEST_DIGIT = 9
# Length of an IBAN by country, after the registry of ISO 13616.
_IBAN_LENGTHS = {
    length: countries.split()
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM BI DJ",
        28: "AL AZ BY CY DO GT HU LB PL SV NI",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
_LENGTH_OF = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries}
_IBAN_MODULUS = 97
_NEVER_AREAS = {"000", "666"}


def card(found: str) -> int:
    """A payment card: prefix and length of a network, and the check digit of Luhn."""
    digits = found.translate(_SEPARATORS)
    if not _CARD.fullmatch(digits):
        return 0
    if digits[0] in "25" and len(digits) != _MASTERCARD_DIGITS:
        return 0
    return len(found) if _luhn(digits) else 0


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - _HIGHEST_DIGIT if value > _HIGHEST_DIGIT else value
    return total % 10 == 0


def iban(found: str) -> int:
    """An IBAN: the length of its country, and the check digits of ISO 7064. Words behind it are none of it."""
    length = _LENGTH_OF.get(found[:2].upper(), 0)
    kept = _first(found, length)
    plain = kept.translate(_SEPARATORS).upper()
    if not length or len(plain) != length:
        return 0
    number = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    return len(kept) if int(number) % _IBAN_MODULUS == 1 else 0


def _first(found: str, length: int) -> str:
    """The text up to so many characters that are no blanks."""
    seen = 0
    for place, character in enumerate(found):
        seen += character != " "
        if seen == length:
            return found[: place + 1]
    return found


def social_security(found: str) -> int:
    """A number of the US Social Security Administration: areas, groups and serials of zeros are never given out."""
    area, group, serial = found.split("-")
    never = area in _NEVER_AREAS or area[0] == "9" or group == "00" or serial == "0000"
    return 0 if never else len(found)
