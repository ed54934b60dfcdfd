"""What is left out of a module on its way to the browser is comment, and never code."""

import pytest

from transports.http.framework.console_files import FOLDER, Console, ConsoleFiles

pytestmark = pytest.mark.unit

MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
_OF_COMMENTS = ("//", "/*", "*")


@pytest.fixture(scope="module")
def console() -> Console:
    return ConsoleFiles().latest()


def code_of(line: str) -> str:
    """What a line of a formatted module has besides a comment that it begins with or in. It knows no module whole."""
    text = line.strip()
    return text.partition("*/")[2].strip() if text.startswith(_OF_COMMENTS) else text


@pytest.mark.parametrize("module", MODULES)
def test_each_line_of_code_is_sent_in_its_place(console: Console, module: str) -> None:
    written = (FOLDER / module).read_text().split("\n")
    sent = console.files[module].body.decode().split("\n")
    assert len(sent) == len(written)
    lost = [
        f"{module}:{number}: {a}"
        for number, (a, b) in enumerate(zip(written, sent, strict=True), 1)
        if code_of(a) not in b
    ]
    assert lost == []
