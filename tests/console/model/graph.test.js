// @ts-check
import { layout } from "../../../transports/http/console/model/graph_layout.js";
import { boxesOf } from "../../../transports/http/console/model/run_graph.js";
import { equal, ok } from "./assert.js";

/** @param {number} count */
const boxes = (count) =>
  Array.from(
    { length: count },
    (_, index) => ({ id: String(index), width: 100, height: 40 }),
  );
/** @param {[number, number][]} pairs */
const edges = (pairs) => pairs.map(([from, to]) => ({ from: String(from), to: String(to) }));

/** No two boxes lie over each other. @param {ReturnType<typeof layout>} drawn */
function apart({ places }) {
  const all = [...places.values()];
  all.forEach((one, index) =>
    all.slice(index + 1).forEach((other) =>
      ok(
        one.x + one.width <= other.x || other.x + other.width <= one.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y,
        "boxes apart",
      )
    )
  );
}

Deno.test("what follows stands below, and a diamond is wide in the middle", () => {
  const drawn = layout(boxes(4), edges([[0, 1], [0, 2], [1, 3], [2, 3]]));
  const top = (/** @type {string} */ id) => drawn.places.get(id)?.y ?? -1;
  ok(
    top("0") < top("1") && top("1") === top("2") && top("2") < top("3"),
    "layers",
  );
  apart(drawn);
  equal(drawn.ways.length, 4);
});

Deno.test("a ring is drawn with one edge upwards, and edges to nowhere are none", () => {
  const drawn = layout(boxes(3), [...edges([[0, 1], [1, 2], [2, 0], [1, 1]]), {
    from: "0",
    to: "nowhere",
  }]);
  apart(drawn);
  ok(
    drawn.ways.slice(0, 4).every((way) => way.startsWith("M")),
    "a way for each edge",
  );
  equal(drawn.ways[4], "");
  ok(drawn.ways.every((way) => !way.includes("NaN")), "numbers");
});

Deno.test("500 nodes, and 47 with 1,400 edges, have places", () => {
  apart(
    layout(
      boxes(500),
      edges(
        Array.from(
          { length: 600 },
          (
            _,
            index,
          ) => [
            Math.floor(index * 7 % 499),
            Math.min(499, Math.floor(index * 7 % 499) + 1 + index % 5),
          ],
        ),
      ),
    ),
  );
  const dense = /** @type {[number, number][]} */ ([]);
  for (let from = 0; from < 47; from++) {
    for (let to = from + 1; to < 47 && dense.length < 1400; to++) {
      dense.push([from, to]);
    }
  }
  const drawn = layout(boxes(47), edges(dense));
  equal(drawn.places.size, 47);
  ok(Number.isFinite(drawn.width) && Number.isFinite(drawn.height), "a size");
});

Deno.test("nothing has no size to speak of", () => equal(layout([], []).places.size, 0));

/** @param {string} id @param {string[]} [children] */
const node = (id, children = []) => ({
  id,
  label: id,
  type: "Node",
  status: "ok",
  children,
  subflow: null,
  runs: 1,
});
/** @param {string} from @param {string} to */
const edge = (from, to) => ({ from, to, condition: null, taken: true });

Deno.test("what runs side by side is in one box, and so is what a subflow did", () => {
  const run = {
    nodes: [
      node("a"),
      node("both", ["x", "y"]),
      node("x"),
      node("y"),
      node("flow"),
      node("in1"),
      node("in2"),
      node("z"),
    ],
    edges: [
      edge("a", "both"),
      edge("both", "flow"),
      edge("in1", "in2"),
      edge("flow", "z"),
    ],
    graph: {
      nodes: [{
        id: "flow",
        isSubflow: true,
        subflowSourceId: "in1",
        subflowSinkId: "in2",
      }],
    },
  };
  const { boxes, edges } = boxesOf(run);
  equal(
    boxes.map((
      box,
    ) => [box.node.id, box.kind, box.members.map(({ id }) => id)]),
    [
      ["a", "node", []],
      ["both", "concurrent", ["x", "y"]],
      ["flow", "subflow", ["in1", "in2"]],
      ["z", "node", []],
    ],
  );
  equal(edges.map(({ from, to }) => `${from} ${to}`), [
    "a both",
    "both flow",
    "flow z",
  ]);
});

Deno.test("nodes that are in each other do not hang", () => {
  const { boxes } = boxesOf({
    nodes: [node("a", ["b"]), node("b", ["a"]), node("c")],
    edges: [],
    graph: null,
  });
  equal(boxes.map((box) => box.node.id), ["c"]);
});
