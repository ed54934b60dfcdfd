"""Routes of SQL: one statement, and what it may read."""

import asyncio
from typing import Annotated, Any

import attrs
from aiohttp import web

from actors.errors import DeadlineExceeded, Overloaded, TooLarge, Unavailable
from actors.runtime.bus import Bus
from actors.scores.messages import TableScores
from actors.span_store.asked.sql import MOST_ROWS, MOST_STATEMENT, QuerySql, SqlAnswer
from actors.span_store.asked.sql_views import EXAMPLES, VIEWS
from transports.http.api.span_answers import SMALL, json_download, read_within_budget
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import Between, MaxLength
from transports.http.wire.sql_formats import MEDIA_TYPES, SqlFormat, render_sql

_SQL = EXAMPLES[0].sql
_COLUMN = {"name": "model", "type": "VARCHAR"}
_TRUNCATED = "x-junjo-truncated"  # of formats that cannot say so themselves


@attrs.frozen(kw_only=True)
class SqlStatement:
    """A statement, and how many rows of what it finds are wanted in which format."""

    sql: Annotated[str, MaxLength(MOST_STATEMENT)] = attrs.field(
        metadata=described("One SELECT over the views, see docs/sql.md", _SQL)
    )
    limit: Annotated[int, Between(1, MOST_ROWS)] = attrs.field(
        default=1000, metadata=described("Most rows to answer", 1000)
    )
    format: SqlFormat = attrs.field(default=SqlFormat.JSON, metadata=described("json, csv, arrow or parquet", "json"))


@attrs.frozen(kw_only=True)
class SqlColumnAnswer:
    """A column of the answer."""

    name: str = attrs.field(metadata=described("As the statement names it", "model"))
    type: str = attrs.field(metadata=described("As SQL says it", "VARCHAR"))


@attrs.frozen(kw_only=True)
class SqlRowsAnswer:
    """The rows that a statement finds."""

    columns: list[SqlColumnAnswer] = attrs.field(metadata=described("In their order", [_COLUMN]))
    rows: list[list[Any]] = attrs.field(metadata=described("A value for each column", [["gpt-4o"]]))
    truncated: bool = attrs.field(metadata=described("There are more rows than the limit", example=False))
    elapsed_ms: float = attrs.field(metadata=described("Milliseconds that it took", 12.5))


@attrs.frozen(kw_only=True)
class ViewColumnAnswer:
    """A column of a view."""

    name: str = attrs.field(metadata=described("Its name", "model"))
    type: str = attrs.field(metadata=described("As SQL says it", "VARCHAR"))
    description: str = attrs.field(metadata=described("What it says", "Model that answered"))


_VIEW_COLUMN = {"name": "model", "type": "VARCHAR", "description": "Model that answered"}


@attrs.frozen(kw_only=True)
class ViewAnswer:
    """What a statement may read."""

    name: str = attrs.field(metadata=described("Its name", "calls"))
    description: str = attrs.field(metadata=described("What its rows are", "The spans that stand for a model call"))
    columns: list[ViewColumnAnswer] = attrs.field(metadata=described("In the order of SELECT *", [_VIEW_COLUMN]))


@attrs.frozen(kw_only=True)
class SqlExampleAnswer:
    """A statement that can be run as it stands."""

    title: str = attrs.field(metadata=described("What it asks", EXAMPLES[0].title))
    sql: str = attrs.field(metadata=described("The statement", _SQL))


_VIEW = {"name": "calls", "description": "The spans that stand for a model call", "columns": [_VIEW_COLUMN]}
_EXAMPLE = {"title": EXAMPLES[0].title, "sql": _SQL}


@attrs.frozen(kw_only=True)
class SqlSchemaAnswer:
    """All views, and some statements."""

    views: list[ViewAnswer] = attrs.field(metadata=described("What statements may read", [_VIEW]))
    examples: list[SqlExampleAnswer] = attrs.field(metadata=described("Statements to begin with", [_EXAMPLE]))


async def query_sql(call: Call[SqlStatement, None]) -> web.StreamResponse:
    wanted = call.body

    async def read(room: int) -> tuple[SqlAnswer, bytes]:
        answer = await run_sql(call.bus, QuerySql(sql=wanted.sql, limit=wanted.limit, room=room))
        return answer, await asyncio.to_thread(render_sql, answer, wanted.format)

    async with read_within_budget(call, read) as (answer, content):
        media_type = MEDIA_TYPES[wanted.format]
        headers = {_TRUNCATED: str(answer.truncated).lower()}
        if len(content) <= SMALL:
            charset = "utf-8" if wanted.format is SqlFormat.CSV else None
            return web.Response(body=content, content_type=media_type, charset=charset, headers=headers)
        async with json_download(call.request, tuple(headers.items()), media_type) as download:
            await download.write(content)
        return download.response


async def run_sql(bus: Bus, request: QuerySql) -> SqlAnswer:
    """Run a statement, with the scores if it may read them. Raises as ``QuerySql`` says."""
    if "scores" in request.sql.lower():
        request = attrs.evolve(request, scores=await bus.ask(TableScores()))
    return await bus.ask(request)


async def get_sql_schema(_: Call[None, None]) -> SqlSchemaAnswer:
    views = [
        ViewAnswer(
            name=view.name,
            description=view.description,
            columns=[
                ViewColumnAnswer(name=column.name, type=column.type, description=column.description)
                for column in view.columns
            ],
        )
        for view in VIEWS
    ]
    examples = [SqlExampleAnswer(title=example.title, sql=example.sql) for example in EXAMPLES]
    return SqlSchemaAnswer(views=views, examples=examples)


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/sql",
        handler=query_sql,
        access=Access.SESSION_OR_SQL_KEY,
        body=SqlStatement,
        only_known=True,
        answers=SqlRowsAnswer,
        downloads=tuple(MEDIA_TYPES[each] for each in SqlFormat if each is not SqlFormat.JSON),
        errors=(DeadlineExceeded, Overloaded, TooLarge, Unavailable),
        tag="sql",
        summary="Run one SELECT over documented views",
    ),
    Route(
        method="GET",
        path="/api/v1/sql/schema",
        handler=get_sql_schema,
        access=Access.SESSION_OR_READ_OR_SQL_KEY,
        only_known=True,
        answers=SqlSchemaAnswer,
        tag="sql",
        summary="Get the views that statements may read, and examples",
    ),
)
