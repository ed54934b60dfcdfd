"""Patches that no junjo sends: they cost what they are worth, and are named."""

from itertools import pairwise

import orjson
import pytest

from actors.errors import NotFound
from actors.workflows.json_values import depth_of
from actors.workflows.patching import DEEPEST, MOST_BYTES
from actors.workflows.runs import FoldedRun
from tests.actors.workflows.stage import made, run_in, waits, workflow

pytestmark = pytest.mark.unit

START = {"a": 1, "list": [1, 2]}


def losses_of(run: FoldedRun) -> list[str]:
    return [loss.kind for loss in run.run.integrity.losses]


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "{",
        "null",
        "1",
        '"[]"',
        "[1]",
        "[[]]",
        "NaN",
        "[{}]",
        [{"op": "explode", "path": "/a"}],
        [{"op": ["add"], "path": "/a", "value": 1}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": 5, "value": 1}],
        [{"op": "add", "path": None, "value": 1}],
        [{"op": "add", "path": {"a": 1}, "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": "/a~2", "value": 1}],
        [{"op": "add", "path": "/a"}],
        [{"op": "add", "path": "/list/9", "value": 1}],
        [{"op": "add", "path": "/list/01", "value": 1}],
        [{"op": "add", "path": "/list/" + "9" * 5000, "value": 1}],
        [{"op": "add", "path": "/list/x", "value": 1}],
        [{"op": "add", "path": "/a/b", "value": 1}],
        [{"op": "remove", "path": "/none"}],
        [{"op": "remove", "path": "/list/-"}],
        [{"op": "replace", "path": "/none", "value": 1}],
        [{"op": "move", "path": "/list/0"}],
        [{"op": "move", "from": "", "path": "/list/0"}],
        [{"op": "move", "from": "/list", "path": "/list/0"}],
        [{"op": "copy", "from": 7, "path": "/b"}],
        [{"op": "copy", "from": "/none", "path": "/b"}],
        [{"op": "test", "path": "/a", "value": True}],
        [{"op": "test", "path": "/a", "value": "x" * 10_000}],
        [{"op": "replace", "path": "/a", "value": 2}, {"op": "remove", "path": "/none"}],
    ],
)
def test_a_patch_that_cannot_be_applied_is_left_out_whole(patch: object) -> None:
    run = workflow(START, START, [patch, [{"op": "add", "path": "/b", "value": 1}], [{"op": "remove", "path": "/b"}]])
    is_text = isinstance(patch, str) and patch != "[{}]"
    assert losses_of(run) == ["unreadable_patch" if is_text else "failed_patch"]
    assert run.state(1, waits).state == START
    assert run.state(2, waits).state == START | {"b": 1}
    assert all(step.step for step in run.steps)


def copies(times: int) -> list[dict[str, str]]:
    """A patch after which the state is about two to the power of ``times`` as large."""
    return [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(times)]


@pytest.mark.parametrize("patches", [[copies(60)], [[each] for each in copies(60)], [copies(10)] * 20])
def test_a_state_that_is_doubled_again_and_again_stays_bounded(patches: list[object]) -> None:
    run = workflow({"a": "x" * 1000}, {}, patches)
    assert "failed_patch" in losses_of(run)
    assert len(orjson.dumps(run.state(len(patches), waits).state)) <= MOST_BYTES


def test_a_state_that_grows_stays_bounded() -> None:
    megabyte = "x" * 1024 * 1024
    run = workflow({}, {}, [[{"op": "add", "path": f"/{number}", "value": megabyte}] for number in range(10)])
    kept = run.state(10, waits).state
    assert len(kept) == MOST_BYTES // len(megabyte) - 1
    assert losses_of(run).count("failed_patch") == 10 - len(kept)


def test_a_state_that_is_replaced_often_is_measured_and_goes_on() -> None:
    third = "x" * (MOST_BYTES // 3)
    run = workflow({}, {"a": third}, [[{"op": "add", "path": "/a", "value": third}]] * 9)
    assert losses_of(run) == []


@pytest.mark.parametrize(
    "patches",
    [
        [[{"op": "add", "path": "/a" * (number + 1), "value": {}}] for number in range(300)],
        [[{"op": "copy", "from": "", "path": "/a"}]] * 8 + [[{"op": "move", "from": "/a", "path": "/b"}]] * 200,
        ["[" + '{"op":"add","path":"/deep","value":' + "[" * 500 + "]" * 500 + "}]"],
        [[{"op": "add", "path": "/a", "value": {"b": {}}}], *([[{"op": "move", "from": "/a/b", "path": "/a"}]] * 300)],
    ],
)
def test_a_state_that_gets_deeper_stays_bounded(patches: list[object]) -> None:
    run = workflow({}, {}, patches)
    assert {"failed_patch", "unreadable_patch"} & set(losses_of(run))
    assert all(depth_of(run.state(step, waits).state) <= DEEPEST for step in range(0, len(patches) + 1, 7))


def test_moves_that_go_up_and_down_for_long_are_no_deep_state() -> None:
    there, back = {"op": "move", "from": "/a/b/c", "path": "/x/y/z"}, {"op": "move", "from": "/x/y/z", "path": "/a/b/c"}
    start = {"a": {"b": {"c": {"d": 1}}}, "x": {"y": {}}}
    assert losses_of(workflow(start, start, [[there], [back]] * 200)) == []


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, "[" * 5000, "1e999", '{"a":' * 200 + "1" + "}" * 200])
def test_states_that_are_too_deep_or_no_json_are_not_known(text: str) -> None:
    run = workflow(text, text, [[{"op": "add", "path": "/a", "value": 1}]])
    assert losses_of(run)
    orjson.dumps([run.run.start, run.run.end, run.state(1, waits).state])


def test_a_value_of_a_patch_is_not_shared_between_states() -> None:
    patches = [
        [{"op": "add", "path": "/list/-", "value": {"inner": []}}],
        *([{"op": "add", "path": "/list/2/inner/-", "value": number}] for number in range(300)),
    ]
    run = workflow(START, None, patches)
    for step in (301, 1, 150, 301, 2):
        assert run.state(step, waits).state["list"][2]["inner"] == list(range(step - 1))


def test_any_step_is_the_same_as_all_steps_one_after_the_other() -> None:
    """Copies of the state are evenly spread, and given up where they would be too large together."""
    patches = [[{"op": "replace", "path": "/n", "value": number}] for number in range(1, 1501)]
    run = workflow({"n": 0, "large": "x" * 400_000}, {"n": 1500, "large": "x" * 400_000}, patches)
    assert losses_of(run) == []
    assert run.nbytes < 20 * 1024 * 1024
    for step in range(0, 1501, 101):
        assert run.state(step, waits).state["n"] == step
    assert all(later.stop == earlier.start for earlier, later in pairwise(run.fold.stretches()))


def test_a_run_whose_spans_are_in_a_circle_is_read() -> None:
    told = {"junjo.span_type": "workflow", "junjo.executable_runtime_id": "a"}
    one, other = made(1, 2, attributes=told), made(2, 1, attributes=told | {"junjo.parent_executable_runtime_id": "a"})
    run = run_in(one, [one, other, made(3, 3, attributes={"junjo.span_type": "node"})])
    assert run.run.kind == "workflow"


def test_a_chain_of_spans_is_read_in_linear_time() -> None:
    chain = [made(number, number + 1, attributes={"junjo.span_type": "node"}) for number in range(1, 5000)]
    top = made(5000, attributes={"junjo.span_type": "workflow"})
    assert len(run_in(top, [*chain, top]).run.nodes) == len(chain)


def test_what_is_no_run_is_not_found() -> None:
    with pytest.raises(NotFound):
        run_in(made(1), [made(1)])
