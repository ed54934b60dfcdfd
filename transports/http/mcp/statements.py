"""The tool that runs a statement of SQL, and says what statements may read."""

import asyncio
from typing import Annotated

import attrs
import orjson

from actors.principal import Scope
from actors.span_store.asked.sql import MOST_ROWS, MOST_STATEMENT, QuerySql
from actors.span_store.asked.sql_views import EXAMPLES, VIEWS
from transports.http.api.span_answers import read_within_budget
from transports.http.api.sql import run_sql as answer_of
from transports.http.framework.route import described
from transports.http.framework.rules import Between, MaxLength
from transports.http.mcp.fitting import Document, fitted, with_most
from transports.http.mcp.tool import MAX_TOKENS, MaxTokens, Tool, ToolCall
from transports.http.wire.sql_formats import SqlFormat, render_sql


@attrs.frozen(kw_only=True)
class RunSqlArguments:
    """A statement, or none to see what there is."""

    sql: Annotated[str, MaxLength(MOST_STATEMENT)] | None = attrs.field(
        default=None,
        metadata=described("One SELECT; without it the views, their columns and examples", EXAMPLES[0].sql),
    )
    limit: Annotated[int, Between(1, MOST_ROWS)] = attrs.field(
        default=200, metadata=described("Most rows to answer", 200)
    )
    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


async def run_sql(asked: ToolCall[RunSqlArguments]) -> bytes:
    wanted = asked.arguments
    if wanted.sql is None:
        return await asyncio.to_thread(fitted, _schema(), wanted.max_tokens)
    request = QuerySql(sql=wanted.sql, limit=wanted.limit)

    async def read(room: int) -> bytes:
        answer = await answer_of(asked.call.bus, attrs.evolve(request, room=room))
        return await asyncio.to_thread(lambda: _written(render_sql(answer, SqlFormat.JSON), wanted.max_tokens))

    async with read_within_budget(asked.call, read) as text:
        return text


def _written(text: bytes, most: int) -> bytes:
    return fitted(with_most(orjson.loads(text), "rows", most), most)


def _schema() -> Document:
    """The views in few words: those whose columns are the same stand together."""
    columns = {
        view.name: {column.name: f"{column.type}: {column.description}" for column in view.columns} for view in VIEWS
    }
    views: Document = {}
    for view in VIEWS:
        alike = next((name for name in views if columns[name] == columns[view.name]), None)
        shown = {"columns": columns[view.name]} if alike is None else {"columns_of": alike}
        views[view.name] = {"description": view.description, **shown}
    return {"views": views, "examples": {example.title: example.sql for example in EXAMPLES}}


TOOLS = (
    Tool(
        name="run_sql",
        title="Run SQL",
        description=(
            "One read-only SELECT, in DuckDB's SQL, over spans, calls, traces, logs, scores; without sql it answers "
            "their columns and examples. Rows that do not fit are counted by left_out; truncated says that there are "
            "more than limit."
        ),
        arguments=RunSqlArguments,
        run=run_sql,
        scope=Scope.SQL,
    ),
)
