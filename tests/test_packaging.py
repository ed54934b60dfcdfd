"""What is shipped, and what must not stand in the files."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.source import PACKAGES, PROJECT, parsed

pytestmark = pytest.mark.unit

TESTS = sorted((PROJECT / "tests").rglob("test_*.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    [built] = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_ships_the_three_packages_whole_and_nothing_else(wheel: set[str]) -> None:
    shipped = {name for name in wheel if ".dist-info/" not in name}
    written = {
        str(path.relative_to(PROJECT))
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == written
    assert {name.partition("/")[0] for name in shipped} == set(PACKAGES)
    assert any(name.endswith(".sql") for name in shipped), "the schema is part of the program"
    console = {name for name in shipped if name.startswith("transports/http/console/")}
    assert {"transports/http/console/index.html", "transports/http/console/main.js"} <= console


def test_the_top_level_is_what_the_customer_chose_and_what_every_project_has() -> None:
    """A note that somebody left there would be shipped to everybody who clones."""
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, check=False, text=True)
    if listed.returncode:
        pytest.skip("this is no clone")
    shown = {name.partition("/")[0] for name in listed.stdout.splitlines()}
    chosen = {*PACKAGES, "proto", "tests", "scripts", "pyproject.toml", "docker-compose.yml"}
    usual = {"CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "README.md", "docs", "requirements.lock"}
    assert {name for name in shown if not name.startswith(".")} == chosen | usual


def test_the_wheel_says_its_licence_and_has_the_text(tmp_path: Path) -> None:
    [built] = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(built) as archive:
        [text] = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        assert archive.read(text) == (PROJECT / "LICENSE").read_bytes()
        assert b"\nLicense-Expression: Apache-2.0\n" in archive.read(metadata)


def test_every_folder_of_the_packages_is_a_package() -> None:
    """The wheel would ship one without ``__init__.py``, but resources are found through packages."""
    folders = {path.parent for package in PACKAGES for path in (PROJECT / package).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_proto_holds_definitions_only() -> None:
    """With an ``__init__.py`` it would hide the package of the same name on the Python path."""
    assert {path.suffix for path in (PROJECT / "proto").rglob("*")} == {".proto"}


def sources(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((PROJECT / folder).rglob("*"))
        if path.is_file() and "generated" not in path.parts and path.suffix != ".pyc"
    ]


def test_nothing_is_left_to_do() -> None:
    left = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
    faults = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in sources(*PACKAGES, "scripts", "proto")
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if left.search(line)
    ]
    assert not faults


# Words of our own where the field has one (docs/architecture.md has them side by side). A name is banned as it stands
# here, and no part of one is: a class may be called AuditTrail, and a variable anything. Underscores before it do not
# count.
OWN_WORDS = {
    "AT_ONCE",
    "Catalogue",
    "Deletions",
    "Doomed",
    "Erasure",
    "Generation",
    "Kept",
    "KeyLists",
    "Patience",
    "Rush",
    "SealedFiles",
    "Sealing",
    "Sought",
    "TOGETHER",
    "Trail",
    "Visit",
    "Wanted",
    "Way",
    "leave_memory",
    "put_off",
    "strangers",
    "surrounding",
    "take_stock",
    "take_up",
    "told_as_httpx2",
    "told_to_end",
    "unrouted",
}


def test_the_fields_words_are_used() -> None:
    faults = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in sources(*PACKAGES, "scripts", "tests")
        for name in names_in(path)
        if name.lstrip("_") in OWN_WORDS
    ]
    assert not faults


def names_in(path: Path) -> list[str]:
    """Names of the module and of its classes, members of enumerations, functions, and types."""
    if path.suffix != ".py" or "cases" in path.parts:
        return [path.stem]
    nodes = list(ast.walk(parsed(path)))
    defined = [node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    types = [
        node.target.id
        for node in nodes
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if ast.unparse(node.annotation) == "TypeAlias"
    ]
    members = [
        target.id
        for node in nodes
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    ]
    return [path.stem, *defined, *types, *members]


def test_names_say_what_a_thing_is() -> None:
    vague = {"manager", "helper", "helpers", "util", "utils", "common", "base", "misc"}
    faults = [
        str(path.relative_to(PROJECT))
        for path in sources(*PACKAGES, "scripts", "tests")
        if vague & set(re.split(r"[_\-]", path.stem))
    ]
    assert not faults


def test_names_are_words_of_the_field() -> None:
    """One word for one thing: these names were our own words for what the field has a term for."""
    ours = {
        "Patience",
        "Seldom",
        "Visit",
        "noted",
        "strays",
        "surrounding",
        "told_as_httpx2",
        "unrouted",
        "vendor",
        "vendors",
    }
    names = (
        (path, node.name)
        for path in sources(*PACKAGES, "scripts", "tests")
        if path.suffix == ".py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    modules = ((path, path.stem) for path in sources(*PACKAGES, "scripts", "tests") if path.suffix == ".py")
    faults = [f"{path.relative_to(PROJECT)}: {name}" for path, name in (*modules, *names) if ours & words_of(name)]
    assert not faults


def words_of(name: str) -> set[str]:
    """The name itself, and the words between its underscores."""
    return {name.strip("_"), *name.split("_")}


def declared_markers() -> set[str]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return {marker.partition(":")[0] for marker in settings["tool"]["pytest"]["ini_options"]["markers"]}


def marks_in(nodes: list[ast.expr]) -> set[str]:
    """The ``pytest.mark.X`` that stand in these expressions."""
    return {
        node.attr
        for root in nodes
        for node in ast.walk(root)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "mark"
    }


def module_marks(tree: ast.Module) -> set[str]:
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]
    return marks_in(values)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_every_test_has_a_marker(path: Path) -> None:
    """The marker decides in which phase of the test command a test runs."""
    tree, markers = parsed(path), declared_markers()
    if module_marks(tree) & markers:
        return
    holders: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    unmarked = [
        test.name
        for holder in holders
        for test in holder.body
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test")
        if not marks_in(test.decorator_list + getattr(holder, "decorator_list", [])) & markers
    ]
    assert not unmarked


def test_no_two_test_files_have_one_name() -> None:
    names = Counter(path.name for path in TESTS)
    assert [name for name, count in names.items() if count > 1] == []
