"""Write the console's types of what the API takes and answers, from the OpenAPI document.

``python -m scripts.write_console_types`` writes the file; with ``--check`` it fails when the file is another one.
A type has the name of its schema without ``Answer``, where no other schema has that name.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transports.http.app import ROUTES
from transports.http.framework.openapi import openapi_document

FILE = Path(__file__).resolve().parents[1] / "transports" / "http" / "console" / "api" / "types.d.ts"
_HEAD = "// What the API takes and answers. Written by `python -m scripts.write_console_types`; do not edit it.\n"
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_SUFFIX = "Answer"
_REFERENCE = "#/components/schemas/"

Schema = Mapping[str, Any]


def types() -> str:
    """The file, whole."""
    schemas: dict[str, Schema] = openapi_document(ROUTES, "")["components"]["schemas"]
    names = {name: _name_of(name, schemas) for name in schemas}
    return _HEAD + "".join(_interface(names[name], schema, names) for name, schema in sorted(schemas.items()))


def _name_of(schema: str, schemas: Mapping[str, Schema]) -> str:
    short = schema.removesuffix(_SUFFIX)
    return schema if short in schemas and short != schema else short


def _interface(name: str, schema: Schema, names: Mapping[str, str]) -> str:
    members = "".join(_members(schema, names))
    return f"\n/** {_comment(schema)} */\nexport interface {name} {{\n{members}}}\n"


def _members(schema: Schema, names: Mapping[str, str]) -> Iterator[str]:
    for name, member in schema["properties"].items():
        optional = "" if name in schema["required"] else "?"
        written = name if name.isidentifier() else json.dumps(name)
        yield f"  /** {_comment(member)} */\n  {written}{optional}: {_type(member, names)};\n"


def _comment(schema: Schema) -> str:
    return str(schema["description"]).replace("*/", "* /")


def _type(schema: Schema, names: Mapping[str, str]) -> str:
    if "$ref" in schema:
        return names[schema["$ref"].removeprefix(_REFERENCE)]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(each, names) for each in schema["anyOf"]))
    for word in ("enum", "const"):
        if word in schema:
            values = schema[word] if word == "enum" else [schema[word]]
            return " | ".join(json.dumps(value) for value in values)
    if schema.get("type") == "array":
        item = _type(schema["items"], names)
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema.get("type") == "object":
        return "Record<string, any>"
    return _PLAIN.get(schema.get("type", ""), "any")


def main(arguments: Sequence[str]) -> int:
    """Write the file, or compare it."""
    made = types()
    if "--check" in arguments:
        return int(FILE.read_text() != made)
    FILE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
