"""Saved views: kept, bounded, seen by whom they are for."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.errors import Conflict, InvalidRequest, NotFound
from actors.principal import Principal, Role
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.views.actor import ViewsActor
from actors.views.messages import MOST_OF_OWNER, DeleteView, ListViews, Page, SaveView, View

pytestmark = pytest.mark.integration

ADA = Principal(user_id="ada", email="ada@example.com")
BOB = Principal(user_id="bob", email="bob@example.com")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bus]:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(ViewsActor, lambda bus: ViewsActor.running(bus, folder / "junjo.db"))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def save(bus: Bus, name: str = "Failed", **others: Any) -> View:
    request: dict[str, Any] = {"page": Page.TRACES, "parameters": "q=status%3Aerror", "is_shared": False, "by": ADA}
    return await bus.ask(SaveView(name=name, **request | others))


async def names(bus: Bus, by: Principal, page: Page | None = None) -> list[str]:
    return [view.name for view in await bus.ask(ListViews(page=page, by=by))]


async def test_one_sees_ones_own_views_and_those_that_are_shared(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        await save(bus, "b")
        await save(bus, "a", is_shared=True, page=Page.SQL)
        await save(bus, "c", by=BOB)
        assert await names(bus, ADA) == ["a", "b"]
        assert await names(bus, BOB) == ["a", "c"]
        assert await names(bus, BOB, Page.SQL) == ["a"]
    async with running(tmp_path) as bus:
        assert await names(bus, ADA) == ["a", "b"]


async def test_a_name_is_ones_own_once_for_each_page(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        first = await save(bus)
        second = await save(bus, parameters="q=x")
        await save(bus, by=BOB)
        await save(bus, page=Page.LIVE)
        kept = await bus.ask(ListViews(page=Page.TRACES, by=ADA))
        assert kept == (second,)
        assert second.id != first.id


async def test_views_are_dropped_by_whom_they_belong_to_and_shared_ones_by_admins(tmp_path: Path) -> None:
    admin = attrs.evolve(BOB, role=Role.ADMIN)
    async with running(tmp_path) as bus:
        own, shared = await save(bus), await save(bus, "Shared", is_shared=True)
        for view, by in ((own, BOB), (own, admin), (shared, BOB)):
            with pytest.raises(NotFound):
                await bus.ask(DeleteView(id=view.id, by=by))
        await bus.ask(DeleteView(id=shared.id, by=admin))
        await bus.ask(DeleteView(id=own.id, by=ADA))
        assert await names(bus, ADA) == []
    with closing(sqlite3.connect(tmp_path / "junjo.db")) as database:
        rows = database.execute("SELECT action FROM audit_trail WHERE resource_type = 'view'").fetchall()
    assert [row[0] for row in rows] == ["create", "create", "delete", "delete"]


async def test_views_are_bounded(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        for wrong in ({"name": ""}, {"name": "x" * 101}, {"parameters": "x" * 16_385}):
            with pytest.raises(InvalidRequest):
                await save(bus, **wrong)
        for number in range(MOST_OF_OWNER):
            await save(bus, str(number))
        with pytest.raises(Conflict):
            await save(bus, "one more")
        await save(bus, "0", parameters="q=other")
        await save(bus, by=BOB)
