"""How an answer of ours is compared with a recorded one of the reference (contract, head).

Status, error details, plain values, CORS / allow / location headers and the shape of the body count. Ids, keys and
times differ by nature; what the contract's section 6 lists as bugs of the reference is taken out of the recording.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_COMPARED_HEADERS = ("allow", "vary", "content-type")
_CHANGING = frozenset(("id", "key", "created_at", "updated_at"))
_SWAPPED_KINDS = {"CLIENT": "INTERNAL", "INTERNAL": "CLIENT"}
# Empty at the reference for spans of junjo >= 0.63.
_FILLED_BY_US = ("junjo_id", "junjo_parent_id", "junjo_wf_graph_structure")


def differences(recorded: Mapping[str, Any], status: int, headers: Mapping[str, str], body: Any) -> list[str]:
    """The differences in words; none when all is well."""
    ours = recorded["ours"] if isinstance(recorded["ours"], dict) else {}
    expected_status = ours.get("status", recorded["status"])
    found = [] if status == expected_status else [f"status {status}, not {expected_status}"]
    if "body" in ours:
        found += _compare("body", ours["body"], body)
    elif "detail" in ours:
        found += _compare("detail", ours["detail"], _short_detail(body))
    elif expected_status == recorded["status"]:
        found += _compare("body", recorded["body"], body)
    if expected_status == recorded["status"]:
        found += _compare_headers(recorded["headers_subset"], headers)
    return found


def _short_detail(body: Any) -> Any:
    detail = body["detail"]
    return [[item["type"], item["loc"], item["msg"]] for item in detail] if isinstance(detail, list) else detail


def _compare_headers(expected: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
    names = [name for name in expected if name in _COMPARED_HEADERS or name.startswith("access-control")]
    found = [
        f"{name}: {headers.get(name)!r}, not {expected[name]!r}"
        for name in names
        if headers.get(name) != expected[name]
    ]
    if "location" in expected and not headers.get("location", "").endswith(expected["location"].partition(":1323")[2]):
        found.append(f"location: {headers.get('location')!r}")
    return found


def _compare(where: str, expected: Any, got: Any) -> list[str]:
    if isinstance(expected, dict) and "junjo_span_type" in expected:
        return _compare_span(where, expected, got)
    if isinstance(expected, dict) and isinstance(got, dict):
        if list(expected) != list(got):
            return [f"{where}: members {list(got)}, not {list(expected)}"]
        return [text for key in expected for text in _compare_member(f"{where}.{key}", key, expected, got)]
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return [f"{where}: {len(got)} items, not {len(expected)}"]
        if expected and isinstance(expected[0], dict) and "key" in expected[0]:
            # API keys of the same second: the reference lists these in the order of their creation.
            expected, got = sorted(expected, key=_name), sorted(got, key=_name)
        pairs = zip(expected, got, strict=True)
        return [text for i, (e, g) in enumerate(pairs) for text in _compare(f"{where}[{i}]", e, g)]
    same = expected == got and type(expected) is type(got)
    return [] if same else [f"{where}: {got!r}, not {expected!r}"]


def _name(item: dict[str, Any]) -> str:
    return str(item["name"])


def _compare_member(where: str, key: str, expected: Any, got: Any) -> list[str]:
    if key == "input":
        return []  # passwords are masked in ours
    if key in _CHANGING and isinstance(expected[key], str):
        return [] if isinstance(got[key], str) and got[key] else [f"{where}: {got[key]!r}"]
    return _compare(where, expected[key], got[key])


def _compare_span(where: str, expected: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """The reference's bugs are known: kinds swapped, times through a float, links and attributes dropped."""
    if list(expected) != list(got):
        return [f"{where}: members {list(got)}, not {list(expected)}"]
    wanted = dict(expected)
    wanted["kind"] = _SWAPPED_KINDS.get(wanted["kind"], wanted["kind"])
    for key in ("start_time", "end_time"):
        if abs(datetime.fromisoformat(wanted[key]) - datetime.fromisoformat(got[key])) <= timedelta(microseconds=1):
            wanted[key] = got[key]
    if isinstance(got["links_json"], list):
        wanted["links_json"] = got["links_json"]
    for key in _FILLED_BY_US:
        wanted[key] = wanted[key] or got[key]
    if wanted["junjo_span_type"] == "agent":
        wanted["junjo_span_type"] = ""
    if _covers(got["attributes_json"], wanted["attributes_json"]):
        wanted["attributes_json"] = got["attributes_json"]
    return [f"{where}.{key}: {got[key]!r}, not {wanted[key]!r}" for key in wanted if got[key] != wanted[key]]


def _covers(got: Any, expected: Any) -> bool:
    """Whether ours holds all that the reference kept, in its order."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return all(key in got and _covers(got[key], value) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(got, list):
        rest = iter(got)
        return all(any(_covers(item, wanted) for item in rest) for wanted in expected)
    return bool(got == expected) and type(got) is type(expected)
