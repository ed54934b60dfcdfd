"""Write docs/instrumentation.md: for each library how to set it up, and what its recordings show to be understood.

And what the console's start page shows of it. ``python -m scripts.write_instrumentation`` writes both; with ``--check``
it fails when one of them is another one.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.rows import span_rows
from transports.otlp.decode import decode_trace_request

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT / "tests" / "recordings" / "instrumentations"
TABLE = ROOT / "scripts" / "instrumentations.toml"
PAGE = ROOT / "docs" / "instrumentation.md"
MODULE = ROOT / "transports" / "http" / "console" / "model" / "libraries.js"
TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
ASKED = b"order 4711"  # in each recording, where content is

_HEAD = """# Instrumentation

Which libraries' spans are understood, how each is set up, and what it sends. This page is written by
`python -m scripts.write_instrumentation` from what was recorded of real programs with the versions named here
(`tests/recordings/instrumentations`) and from `scripts/instrumentations.toml`; do not edit it.

Where spans go is the same for all that use OpenTelemetry's exporters ([sending.md](sending.md)):

```sh
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:1323
export OTEL_EXPORTER_OTLP_HEADERS="x-junjo-api-key=$JUNJO_AI_STUDIO_API_KEY"
```

## What is understood

*Calls* are spans of model calls and embeddings in the recording, failed ones among them. The other columns say what
is known of them: of all (yes), of some (`3/4`), or of none (-) because the library does not send it. Tokens are those
of answered calls, as `i`nput, `o`utput, cache `r`ead, cache `w`ritten, reasoning (`t`hought). Content is where
prompts and answers were: in spans, in log records, or nowhere.

| Library | Recording | Calls | Model | Provider | Tokens | Cost | Session | Finish | Content |
|---|---|---|---|---|---|---|---|---|---|
"""


# Whose note is meant, by how notes that refer to it begin; the longer ones first.
_AS_FOR = {
    "As for OpenAI of OpenInference": "OpenInference: OpenAI",
    "As for OpenAI of OpenLLMetry": "OpenLLMetry: OpenAI",
    "As for OpenAI": "OpenTelemetry GenAI: OpenAI",
}

_MODULE = """\
// @ts-check
/** Libraries and how each is set up. Written by `python -m scripts.write_instrumentation`; do not edit it. */

/**
 * @typedef {object} Library
 * @property {string} title @property {string} language @property {string} install @property {string} setup
 * @property {string} content what switches prompts and answers on or off
 * @property {boolean} [ownProvider] whether it makes its own tracer provider
 * @property {string[]} [variables] what it reads in place of OpenTelemetry's variables
 */

/** @type {Library[]} */
export const LIBRARIES = [
%s];
"""


@attrs.frozen
class Library:
    """A library of the table: its recordings, and the lines that set it up."""

    title: str
    recordings: Sequence[str]
    install: str
    setup: str
    content: str
    language: str = "python"
    own_provider: bool = False
    variables: Sequence[str] = ()


def libraries() -> list[Library]:
    """Those of the table, in its order."""
    return [Library(**each) for each in tomllib.loads(TABLE.read_text())["library"]]


@lru_cache
def truth() -> dict[str, list[dict[str, Any]]]:
    """The model calls and embeddings of each recording, and what is right of them."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name in ("truth.json", "embeddings.json"):
        for recording, calls in json.loads((RECORDINGS / name).read_text()).items():
            made[recording] = [*made.get(recording, ()), *calls]
    return made


def module() -> str:
    """What the console knows of the libraries, as a module of it."""
    found = libraries()
    contents = {library.title: library.content for library in found}
    lines = "".join(f"  {json.dumps(_for_console(library, contents), ensure_ascii=False)},\n" for library in found)
    return _MODULE % lines


def _for_console(library: Library, contents: Mapping[str, str]) -> dict[str, Any]:
    """The library with a note on content that needs no other one."""
    content = library.content
    for start, title in _AS_FOR.items():
        if content.startswith(start):
            content = f"{contents[title]}{content.removeprefix(start).removeprefix('.')}"
            break
    made: dict[str, Any] = {"title": library.title, "language": library.language, "install": library.install}
    made |= {"setup": library.setup.strip(), "content": content.replace("**", "")}
    if library.own_provider:
        made["ownProvider"] = True
    return made | ({"variables": list(library.variables)} if library.variables else {})


def page() -> str:
    """The page, whole."""
    found = libraries()
    lines = [_line(library, recording) for library in found for recording in library.recordings]
    return _HEAD + "\n".join(lines) + "\n\n## Setting up\n" + "".join(map(_section, found))


def _section(library: Library) -> str:
    setup = f"```{library.language}\n{library.setup.strip()}\n```"
    return f"\n### {library.title}\n\n`{library.install}`\n\n{setup}\n\nPrompts and answers: {library.content}\n"


def _line(library: Library, recording: str) -> str:
    rows = _calls(recording)
    answered = [row for row in rows if row["status_code"] != 2]  # OTLP's code of an error
    cells = (
        library.title,
        f"`{recording}`",
        str(len(rows)),
        _share(row["model"] for row in rows),
        _share(row["provider"] for row in rows),
        _tokens(answered),
        _share(row["cost"] for row in answered),
        _share(row["session_id"] for row in rows),
        _share(row["finish_reason"] for row in answered if row["type"] == "llm"),
        _content(recording),
    )
    return f"| {' | '.join(cells)} |"


def _calls(recording: str) -> list[dict[str, Any]]:
    """The rows of the calls that the truth names; where it says nothing, of those that are taken for calls."""
    spans = decode_trace_request((RECORDINGS / f"{recording}.bin").read_bytes()).spans
    rows = span_rows(spans).batch.to_pylist()
    named = {call["span_id"] for call in truth().get(f"{recording}.bin", ())}
    return [row for row in rows if (row["span_id"] in named if named else row["type"] in MODEL_CALLS)]


def _share(values: Iterable[object]) -> str:
    known = [value is not None for value in values]
    if not any(known):
        return "-"
    return "yes" if all(known) else f"{sum(known)}/{len(known)}"


def _tokens(rows: Sequence[dict[str, Any]]) -> str:
    letters = ("t" if name == "reasoning" else name.rpartition("_")[2][0] for name in TOKENS)
    known = [letter for letter, name in zip(letters, TOKENS, strict=True) if _any(rows, f"{name}_tokens")]
    return " ".join(known) or "-"


def _any(rows: Sequence[dict[str, Any]], column: str) -> bool:
    return any(row[column] is not None for row in rows)


def _content(recording: str) -> str:
    """Where the question is found as text, whatever the convention."""
    logs = RECORDINGS / f"{recording}.logs.bin"
    spans = (RECORDINGS / f"{recording}.bin").read_bytes()
    places = {"spans": spans, "logs": _log_text(logs.read_bytes()) if logs.exists() else b""}
    return ", ".join(name for name, said in places.items() if ASKED in said) or "-"


def _log_text(body: bytes) -> bytes:
    """Log records without what names their program."""
    request = ExportLogsServiceRequest.FromString(body)
    return b"".join(each.SerializeToString() for resource in request.resource_logs for each in resource.scope_logs)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or compare it."""
    made = {PAGE: page(), MODULE: module()}
    if "--check" in arguments:
        return int(any(path.read_text() != text for path, text in made.items()))
    for path, text in made.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
