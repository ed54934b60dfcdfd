"""``duckdb`` on a command line, as far as the documents use it: the rows of one query, a line of JSON each.

``duckdb [-readonly] [FILE] [-c] SQL``
"""

import argparse
import json

import duckdb


def main() -> None:
    parser = argparse.ArgumentParser(prog="duckdb", allow_abbrev=False)
    parser.add_argument("-readonly", action="store_true")
    parser.add_argument("-c", dest="command")
    parser.add_argument("rest", nargs="*")
    given = parser.parse_args()
    said: list[str] = [*given.rest, *([given.command] if given.command else [])]
    file = said[0] if len(said) > 1 else ":memory:"
    with duckdb.connect(file, read_only=given.readonly) as connection:
        for row in connection.sql(said[-1]).fetchall():
            print(json.dumps(row, default=str))  # noqa: T201 - this is its output


if __name__ == "__main__":
    main()
