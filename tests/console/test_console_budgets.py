"""What the console may weigh, and who in it may know whom."""

import gzip
import re
from pathlib import Path, PurePosixPath

import pytest

from tests.source import PROJECT
from transports.http.framework.console_files import Console, ConsoleFiles, first_modules

pytestmark = pytest.mark.unit

FOLDER = PROJECT / "transports/http/console"
MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
STYLES = ("style/tokens.css", "style/page.css", "style/parts.css")
KB = 1024
TO_THE_LIST, ALL_MODULES, ALL_STYLES = 25 * KB, 90 * KB, 12 * KB  # compressed
# Nobody loads all of them: a page has a tenth. Apart they are over the goal of 90 KB (decision 0053).
ALL_MODULES_APART = 116 * KB
MOST_BEFORE_THE_LIST = 20  # modules: over a line of 100 ms each chain of imports costs a round trip
KERNEL_LINES, MODULE_LINES = 500, 400
GENERATED = {"model/libraries.js"}

# Which folders may import which others, besides their own.
MAY_IMPORT = {
    "": {"api", "kernel", "model", "pages", "parts"},
    "pages": {"api", "kernel", "model", "parts"},
    "parts": {"kernel", "model"},
    "api": {"kernel", "model"},
    "kernel": set(),
    "model": set(),
}
_COMMENT = re.compile(r"/\*.*?\*/|(?:^|(?<=\s))//[^\n]*", re.DOTALL)
_IMPORTED = re.compile(r"""(?:\bfrom\s+|\bimport\s+|\bimport\()["'`](\.[^"'`]+)["'`]""")
_ASKS = re.compile(r"\b(fetch\(|WebSocket\(|EventSource\(|XMLHttpRequest|sendBeacon)")
_MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTML\w*|document\.write\w*|createContextualFragment|DOMParser"
    r"|srcdoc|eval\(|Function\(|trustedTypes)"
)
_PAGE = re.compile(r"\b(document|window|globalThis|localStorage|sessionStorage|navigator|location)\b(?!\s*[:?])")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(")
_COLOUR_TEXT = re.compile(r"""["'`](?:#[0-9a-fA-F]{3,8}|(?:rgb|hsl)a?\([^"'`]*)["'`]""")
_TEXT = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")


def code_of(module: str) -> str:
    """Its source without comments, whose types name other modules."""
    return _COMMENT.sub("", (FOLDER / module).read_text())


def imports_of(module: str) -> list[str]:
    """What it imports, at once or later, as paths in the folder. A computed name counts up to where it is computed."""
    folder = (FOLDER / module).parent
    found = (Path(folder, name.partition("${")[0]).resolve() for name in _IMPORTED.findall(code_of(module)))
    return [path.relative_to(FOLDER.resolve()).as_posix() for path in found]


def folder_of(path: str) -> str:
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 or not parts[0].endswith(".js") else ""


@pytest.fixture(scope="module")
def console() -> Console:
    return ConsoleFiles().latest()


def weight(console: Console, names: list[str]) -> int:
    return sum(len(console.files[name].compressed()) for name in names)


def weight_together(console: Console, names: list[str]) -> int:
    """What they would weigh as one file: of many small ones each is compressed without knowing of the others."""
    return len(gzip.compress(b"".join(console.files[name].body for name in names), mtime=0))


def test_what_comes_before_the_list_is_small_and_few(console: Console) -> None:
    first = first_modules({name: file.body for name, file in console.files.items()})
    assert len(first) <= MOST_BEFORE_THE_LIST, first
    assert weight(console, first) <= TO_THE_LIST


def test_all_of_it_is_small(console: Console) -> None:
    assert weight_together(console, MODULES) <= ALL_MODULES
    assert weight(console, MODULES) <= ALL_MODULES_APART
    assert weight(console, list(STYLES)) <= ALL_STYLES
    assert sorted(name for name in console.files if name.endswith(".css")) == sorted(STYLES)


def test_the_kernel_stays_one_that_is_read_in_a_sitting() -> None:
    lines = sum(len((FOLDER / name).read_text().splitlines()) for name in MODULES if name.startswith("kernel/"))
    assert lines <= KERNEL_LINES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_to_its_place(module: str) -> None:
    own = folder_of(module)
    source, code = (FOLDER / module).read_text(), code_of(module)
    assert source.startswith("// @ts-check\n")
    assert module in GENERATED or len(source.splitlines()) <= MODULE_LINES
    assert [name for name in imports_of(module) if folder_of(name) not in {own, *MAY_IMPORT[own]}] == []
    assert [name for name in imports_of(module) if name.endswith(".js") and name not in MODULES] == []
    assert own == "api" or not _ASKS.search(code), "only modules in api/ ask"
    assert not _MARKUP.search(code), "no string becomes markup"
    assert not _COLOUR_TEXT.search(code), "colours are tokens"
    if own == "model":
        assert not _PAGE.search(_TEXT.sub('""', code)), "model/ knows no page"


@pytest.mark.parametrize("module", MODULES)
def test_a_file_has_the_name_of_what_is_in_it(module: str) -> None:
    """A part's is that of its element, of which there is one a file."""
    path = PurePosixPath(module)
    elements = re.findall(r"\bdefine\(\s*\"([^\"]+)\"", code_of(module))
    if path.parts[0] == "parts":
        assert elements in ([], [path.stem])
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", path.stem)
    else:
        assert not elements
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", path.stem)


@pytest.mark.parametrize("style", STYLES[1:])
def test_only_tokens_name_colours(style: str) -> None:
    assert not _COLOUR.search(_COMMENT.sub("", (FOLDER / style).read_text()))


def test_every_address_of_the_table_has_a_page() -> None:
    """What is not built is not led to: not from the table of pages, nor from the navigation."""
    pages = {name for _, name in re.findall(r'\["([^"]*)", "(\w+)"\],', (FOLDER / "main.js").read_text())}
    assert pages
    assert [name for name in sorted(pages | {"sign_in"}) if not (FOLDER / f"pages/{name}.js").exists()] == []
