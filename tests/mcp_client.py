"""The client of the official package, which asks a studio at /mcp as agents do."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

# The protocol's newest version, and those that begin with a handshake.
Mode = Literal["auto", "legacy"]


@asynccontextmanager
async def mcp_client(port: int, headers: Mapping[str, str], mode: Mode = "auto") -> AsyncIterator[Client]:
    """A client with these headers, such as those of a key."""
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def text_of(client: Client, tool: str, **arguments: Any) -> str:
    """What a tool says, which is no error."""
    text, is_error = await answer_of(client, tool, arguments)
    assert not is_error, text
    return text


async def answer_of(client: Client, tool: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
    """What a tool says, and whether that is an error."""
    result = await client.call_tool(tool, dict(arguments))
    [content] = result.content
    assert content.type == "text"
    return content.text, result.is_error


async def told(client: Client, tool: str, **arguments: Any) -> Any:
    """The document that a tool says."""
    return json.loads(await text_of(client, tool, **arguments))
