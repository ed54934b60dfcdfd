"""Differences in plain Python: what any engine's are held against, where all spans are looked at."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson
import pyarrow as pa

from actors.span_store.asked.differences import Differences, FieldDifference, GetDifferences, ValueShares
from actors.span_store.query.expression import And
from actors.span_store.query.language.fields import FIELDS, Kind
from actors.span_store.query.named_fields import named_by_one
from tests.actors.span_store.conformance.plain_heat_map import with_counted
from tests.actors.span_store.plain_counting import filter_among

# Of a field: each value, and how many spans have it on either side. A value is its type and itself.
Counts: TypeAlias = Mapping[tuple[str, Any], Sequence[int]]


def differences_of(rows: pa.Table, request: GetDifferences) -> Differences:
    """Of all spans that are stored."""
    here = set(filter_among(request.where, rows).rows(rows)["seq"].to_pylist())
    there = None if request.than is None else set(filter_among(request.than, rows).rows(rows)["seq"].to_pylist())
    sides: list[list[dict[str, Any]]] = [[], []]
    for row in with_counted(rows):
        start = row["start_time_unix_nano"]
        if (request.since or 0) <= start and (request.until is None or start < request.until):
            sides[0] += [row] if row["seq"] in here else []
            sides[1] += [row] if (row["seq"] not in here if there is None else row["seq"] in there) else []
    counts = len(sides[0]), len(sides[1])
    fields = [_difference(field, each, counts) for field, each in _counted(sides).items()]
    named = named_by_one(request.where, And() if request.than is None else request.than)
    found = [field for field in fields if field.score and field.field not in named] if all(counts) else []
    names = {field.name for field in FIELDS}
    found.sort(key=lambda each: (-each.score, each.field not in names, each.field))
    return Differences(count=counts[0], than_count=counts[1], fields=tuple(found[:50]))


def _counted(sides: Sequence[Sequence[dict[str, Any]]]) -> Mapping[str, Counts]:
    found: defaultdict[str, defaultdict[tuple[str, Any], list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for side, rows in enumerate(sides):
        for row in rows:
            for field, value in _said(row).items():
                if value is not None:
                    found[field][
                        type(value).__name__, orjson.dumps(value).decode() if isinstance(value, list | dict) else value
                    ][side] += 1
    return found


def _said(row: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, value in row["attributes"]:
        said[f"attr.{key}"] = value["text"] if value["json"] is None else json.loads(value["json"])
    said |= {f"resource.{key}": value for key, value in json.loads(row["resource_json"])["attributes"].items()}
    for field in FIELDS:
        if field.id_digits is None and field.kind is not Kind.TIME:
            found: Any = _duration(row) if field.name == "duration_ns" else row[field.column.name]
            words = list(field.codes or ())
            said[field.name] = found if field.codes is None else words[found] if found < len(words) else words[0]
    said["status_message"] = row["status_message"] or None
    return said


def _duration(row: dict[str, Any]) -> int | None:
    start, end = row["start_time_unix_nano"], row["end_time_unix_nano"]
    return max(0, end - start) if end else None


def _difference(field: str, found: Counts, counts: tuple[int, int]) -> FieldDifference:
    cells: dict[Any, Sequence[int]] = {}
    if len(found) > 20 and {kind for kind, _ in found} <= {"int", "float"}:
        for name, each in _ranges(field, found):
            cells["str", name] = [sum(pair) for pair in zip(cells.get(("str", name), (0, 0)), each, strict=True)]
    else:
        cells = dict(found)
    without = [of_all - sum(each[side] for each in found.values()) for side, of_all in enumerate(counts)]
    if any(without):
        cells["none", None] = without
    values = (
        [ValueShares(value, each[0] / counts[0], each[1] / counts[1]) for (_, value), each in cells.items()]
        if all(counts)
        else []
    )
    values.sort(key=lambda each: (-abs(each.share - each.than_share), -each.share, str(each.value)))
    return FieldDifference(field, plain_score(list(cells.values()), *counts), tuple(values[:10]))


def _ranges(field: str, found: Counts) -> list[tuple[str, Sequence[int]]]:
    """Of each value the range that it is in, by how many spans have a smaller one."""
    values = sorted(found, key=lambda each: float(each[1]))
    together, before, ranges = sum(map(sum, found.values())), 0, defaultdict[int, list[Any]](list)
    for value in values:
        ranges[10 * before // together].append(value)
        before += sum(found[value])
    unit = "ns" if field in ("duration_ns", "time_to_first_token_ns") else ""
    return [
        (f"[{some[0][1]}{unit} TO {some[-1][1]}{unit}]", found[value]) for some in ranges.values() for value in some
    ]


def plain_score(cells: Sequence[Sequence[int]], count: int, than_count: int) -> float:
    """As ``difference_scores`` describes it, with exact chances."""
    if not count or not than_count:
        return 0.0

    def part(here: int, there: int) -> float:
        shares = here / count, there / than_count
        return sum(share * math.log2(2 * share / sum(shares)) / 2 for share in shares if share)

    together = count + than_count
    parts, mean, variance = [part(*cell) for cell in cells], 0.0, 0.0
    for spans, values in Counter(map(sum, cells)).items():
        ways = {
            here: math.comb(spans, here) * math.comb(together - spans, count - here) / math.comb(together, count)
            for here in range(max(0, spans - than_count), min(spans, count) + 1)
        }
        first = sum(chance * part(here, spans - here) for here, chance in ways.items())
        second = sum(chance * part(here, spans - here) ** 2 for here, chance in ways.items())
        mean += values * first
        variance += values * max(0.0, second - first * first)
    floor = mean + 4 * math.sqrt(variance * len(cells) / max(1, len(cells) - 1))
    divergence = sum(parts)
    if floor >= 1 - 1e-9 or divergence <= floor:
        return 0.0
    few = sum(sorted(parts, reverse=True)[:10]) / divergence
    return round(min(1.0, math.sqrt((divergence - floor) / (1 - floor) * few)), 6)
