"""The rooms of the span store: the actor knows no engine, and no part of an engine knows what is made of it."""

import pytest

from tests.source import Module, modules, within

pytestmark = pytest.mark.unit

STORE = "actors.span_store"
EMBEDDED = f"{STORE}.embedded"
# What is made of the parts: nobody below may know of it.
WIRED = {f"{EMBEDDED}.store", f"{EMBEDDED}.lifetime"}
MOST_SIBLINGS = 12  # of the store itself, which wires them all, more


def parts() -> list[Module]:
    return [module for module in modules("actors/span_store") if module.name not in WIRED]


def test_what_stands_above_the_engine_knows_none() -> None:
    above = [module for module in parts() if not within(module.name, EMBEDDED)]
    assert f"{STORE}.actor" in {module.name for module in above}
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in above
        for line, imported in module.imported_modules()
        if within(imported, EMBEDDED)
    ]
    assert not faults


def test_no_part_imports_what_is_made_of_it() -> None:
    """Nor the actor, nor what else the actor has beside its storage."""
    above = WIRED | {f"{STORE}.actor", f"{STORE}.audit_log", f"{STORE}.audited_deletion"}
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in parts()
        if within(module.name, EMBEDDED)
        for line, imported in module.imported_modules()
        if imported in above
    ]
    assert not faults


def test_no_part_knows_nearly_all_others() -> None:
    known = {
        module.name: {imported for _, imported in module.imported_modules() if within(imported, EMBEDDED)}
        for module in parts()
    }
    assert {name: len(siblings) for name, siblings in known.items() if len(siblings) > MOST_SIBLINGS} == {}
