"""The steps of the demonstration workflow: what ran when, inside what, and what that changed."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

WORKFLOW = "Plan Trip"
SUBFLOW = "EstimateBudget"


@attrs.frozen
class Change:
    """One ``set_state``: an action of a store that sets a member of its state, or inserts into a list."""

    at: int
    store: str
    action: str
    path: str
    value: Any

    @property
    def operation(self) -> dict[str, Any]:
        """The change as an operation of RFC 6902."""
        inserts = self.path.rpartition("/")[2].isdigit()
        return {"op": "add" if inserts else "replace", "path": self.path, "value": self.value}


@attrs.frozen
class Step:
    """A running part: a node, a ``run_concurrent`` group or a subflow, its parent ``inside``, and its changes."""

    label: str
    at: tuple[int, int]
    kind: str = "node"
    inside: str = WORKFLOW
    changes: Sequence[Change] = ()


@attrs.frozen
class Edge:
    tail: str
    head: str
    condition: str | None = None
    inside: str = WORKFLOW


# The stores by the flow that owns them, in their initial state.
STORES: Mapping[str, tuple[str, dict[str, Any]]] = {
    WORKFLOW: ("TripStore", {"city": None, "weather": None, "sights": [], "budget": None, "plan": None}),
    SUBFLOW: ("BudgetStore", {"nights": 0, "hotel": None, "total": None}),
}
STEPS = (
    Step("ReadRequest", (4, 61), changes=[Change(58, WORKFLOW, "set_city", "/city", "Lisbon")]),
    Step("Gather", (64, 472), kind="run_concurrent"),
    Step(
        "FetchWeather",
        (66, 301),
        inside="Gather",
        changes=[Change(299, WORKFLOW, "set_weather", "/weather", "sunny, 24 degrees")],
    ),
    Step(
        "FindSights",
        (66, 470),
        inside="Gather",
        changes=[
            Change(310, WORKFLOW, "add_sight", "/sights/0", "Torre de Belém"),
            Change(466, WORKFLOW, "add_sight", "/sights/1", "Castelo de São Jorge"),
        ],
    ),
    Step(
        SUBFLOW,
        (475, 880),
        kind="subflow",
        changes=[
            Change(477, SUBFLOW, "set_nights", "/nights", 3),
            Change(878, WORKFLOW, "set_budget", "/budget", 612.5),
        ],
    ),
    Step("PriceHotel", (480, 790), inside=SUBFLOW, changes=[Change(787, SUBFLOW, "set_hotel", "/hotel", 412.5)]),
    Step("AddUp", (793, 870), inside=SUBFLOW, changes=[Change(868, SUBFLOW, "set_total", "/total", 612.5)]),
    Step(
        "WritePlan",
        (884, 2305),
        changes=[
            Change(2301, WORKFLOW, "set_plan", "/plan", "Day 1: Belém. Day 2: the castle. Day 3: the sea."),
        ],
    ),
)
NEVER_RUN = "AskForCity"  # in the graph, but its edge was not taken
EDGES = (
    Edge("ReadRequest", "Gather", condition="CityIsKnown"),
    Edge("ReadRequest", NEVER_RUN),
    Edge("Gather", SUBFLOW),
    Edge(SUBFLOW, "WritePlan"),
    Edge(NEVER_RUN, "WritePlan"),
    Edge("PriceHotel", "AddUp", inside=SUBFLOW),
)
TOP_LEVEL_NODES = 5  # those of the workflow itself: not in the group, not in the subflow


def changed(state: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The state after these changes."""
    result: dict[str, Any] = copy.deepcopy(dict(state))
    for change in changes:
        member, _, index = change.path[1:].partition("/")
        if index:
            result[member].insert(int(index), change.value)
        else:
            result[member] = change.value
    return result
