"""What is left out of a module on its way to the browser is comment, and never code."""

import re

import pytest

from transports.http.framework.console_files import FOLDER, Console, ConsoleFiles

pytestmark = pytest.mark.unit

MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
# Texts first, so that what looks like a comment in one is none. A text and a template end where they are closed.
_PIECES = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|//[^\n]*|/\*.*?\*/|\s+""", re.DOTALL)


@pytest.fixture(scope="module")
def console() -> Console:
    return ConsoleFiles().latest()


def code_of(source: str) -> str:
    """The source without comments and without blanks outside texts."""
    return _PIECES.sub(lambda piece: piece[1] or "", source)


@pytest.mark.parametrize("module", MODULES)
def test_all_code_is_sent_on_the_lines_where_it_was_written(console: Console, module: str) -> None:
    written = (FOLDER / module).read_text()
    sent = console.files[module].body.decode()
    assert code_of(sent) == code_of(written)
    assert sent.count("\n") == written.count("\n")
