"""The project's source for tests of its structure: modules and their imports."""

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import attrs

T = TypeVar("T")

PROJECT = Path(__file__).parents[1]
PACKAGES = ("actors", "transports", "studio")


@attrs.frozen
class Module:
    """One file of a package."""

    name: str  # dotted
    path: Path

    @property
    def place(self) -> str:
        return str(self.path.relative_to(PROJECT))

    @property
    def tree(self) -> ast.Module:
        return parsed(self.path)

    def is_in(self, package: str) -> bool:
        return within(self.name, package)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything it imports, inside functions too, as ``actors.errors.NotFound``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)

    def imported_modules(self) -> Iterator[tuple[int, str]]:
        """Line and module of every import from the project's packages."""
        for line, name in self.imports():
            if name.partition(".")[0] in PACKAGES:
                yield line, module_of(name)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def within(name: str, package: str) -> bool:
    """Whether the dotted name is the package or stands inside it."""
    return name == package or name.startswith(f"{package}.")


@cache
def modules(package: str) -> tuple[Module, ...]:
    """Every module of a package, generated code left out."""
    found = (path for path in sorted((PROJECT / package).rglob("*.py")) if "generated" not in path.parts)
    return tuple(Module(_dotted(path), path) for path in found)


def all_modules() -> tuple[Module, ...]:
    return tuple(module for package in PACKAGES for module in modules(package))


@cache
def module_of(name: str) -> str:
    """The module that a dotted name lies in: that of ``actors.errors.NotFound`` is ``actors.errors``."""
    path = PROJECT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file() or path.is_dir():
        return name
    return name.rpartition(".")[0]


def _dotted(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def classes_below(root: type[T]) -> set[type[T]]:
    """All classes of the project derived from ``root``, by their modules.

    A class with slots is made a second time by attrs, and the first one lives until garbage is collected.
    """
    for module in all_modules():
        if module.name != "studio.__main__":  # that one runs
            importlib.import_module(module.name)
    ours = (each for each in _descendants(root) if each.__module__.partition(".")[0] in PACKAGES)
    return {each for each in ours if vars(sys.modules[each.__module__]).get(each.__name__) is each}


def _descendants(root: type[T]) -> set[type[T]]:
    children: list[type[T]] = root.__subclasses__()
    return {each for child in children for each in (child, *_descendants(child))}
