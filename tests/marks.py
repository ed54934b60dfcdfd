"""Markers of tests, and which files may have tests that an expression of ``pytest -m`` asks for."""

from collections.abc import Collection


def may_match(expression: str, marks: Collection[str]) -> bool:
    """Whether a test with some of these markers, and one at least, may be asked for.

    Understands ``a and not b``, as the phases of the test command say it; may be of anything else.
    """
    terms = expression.split(" and ")
    unwanted = {term.removeprefix("not ") for term in terms if term.startswith("not ")}
    wanted = {term for term in terms if not term.startswith("not ")}
    if not all(map(str.isidentifier, wanted | unwanted)):  # no expression either
        return True
    return wanted <= set(marks) and not set(marks) <= unwanted
