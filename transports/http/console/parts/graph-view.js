// @ts-check
/** The graph of a run as a picture. The list beside it says the same for those who do not see it. */
import { computed, signal } from "../kernel/signal.js";
import { define, h, Part, s } from "../kernel/view.js";
import { layout } from "../model/graph_layout.js";
import { boxesOf } from "../model/run_graph.js";

/** @typedef {import("../model/run_graph.js").Box} Box */
/** @typedef {import("../model/graph_layout.js").Place} Place */

const [WIDTH, HEIGHT, ROW, PAD] = [184, 40, 30, 8];
const SHOWN = 6; // members of a box that are shown; more are a number
const LONGEST = 22; // letters of a label

/** Signs of states: they are told apart without colour too. @type {Record<string, string>} */
const SIGNS = { ok: "✓", error: "✕", running: "…", not_run: "" };

/** Its events: `pick` with the id of a node. */
export class GraphView extends Part {
  run = signal(/** @type {any} */ (null));
  selected = signal(/** @type {string | null} */ (null));
  opened = signal(/** @type {ReadonlySet<string>} */ (new Set()));

  /** @override */
  render() {
    const drawn = computed(() => {
      if (!this.run.value) return null;
      const { boxes, edges } = boxesOf(this.run.value);
      return {
        boxes,
        edges,
        ...layout(boxes.map((box) => ({ id: box.node.id, width: WIDTH, height: this.#heightOf(box) })), edges),
      };
    });
    return () => {
      const graph = drawn.value;
      if (!graph?.boxes.length) return null;
      return h(
        "div.graph-view-scroll",
        {
          tabindex: "0",
          role: "img",
          "aria-label": `Graph of ${graph.boxes.length} nodes. The list has the same as text.`,
        },
        s(
          "svg",
          { viewBox: `0 0 ${graph.width} ${graph.height}`, width: graph.width, height: graph.height },
          s(
            "defs",
            null,
            ["taken", "untaken", "unknown"].map((name) =>
              s("marker", {
                id: `arrow-${name}`,
                class: `graph-arrow ${name}`,
                viewBox: "0 0 8 8",
                refX: 7,
                refY: 4,
                markerWidth: 7,
                markerHeight: 7,
                orient: "auto-start-reverse",
              }, s("path", { d: "M0 0L8 4L0 8z" }))
            ),
          ),
          graph.edges.map((edge, index) => this.#edge(edge, graph.ways[index] ?? "", graph.middles[index])),
          graph.boxes.map((box) => this.#box(box, graph.places.get(box.node.id))),
        ),
      );
    };
  }

  /** @param {Box} box */
  #rowsOf(box) {
    const open = box.kind !== "subflow" || this.opened.value.has(box.node.id);
    return open ? box.members.slice(0, this.opened.value.has(box.node.id) ? box.members.length : SHOWN) : [];
  }

  /** @param {Box} box */
  #heightOf(box) {
    const rows = this.#rowsOf(box);
    const more = box.members.length > rows.length ? 1 : 0;
    return HEIGHT + (rows.length + more ? (rows.length + more) * ROW + PAD : 0);
  }

  /** @param {any} edge @param {string} way @param {{ x: number, y: number } | undefined} middle */
  #edge({ taken, condition }, way, middle) {
    const state = taken === null ? "unknown" : taken ? "taken" : "untaken";
    return s(
      "g",
      null,
      s("path", { class: `graph-edge ${state}`, d: way, "marker-end": `url(#arrow-${state})` }),
      condition && middle &&
        s(
          "text.graph-condition",
          { x: middle.x, y: middle.y, "text-anchor": "middle" },
          s("title", null, condition),
          cut(condition),
        ),
    );
  }

  /** @param {Box} box @param {Place | undefined} place */
  #box(box, place) {
    if (!place) return null;
    const rows = this.#rowsOf(box);
    const more = box.members.length - rows.length;
    return s(
      "g",
      { transform: `translate(${place.x} ${place.y})` },
      this.#card(box.node, 0, 0, WIDTH, place.height, box.kind),
      rows.map((member, index) => this.#card(member, PAD, HEIGHT + index * ROW, WIDTH - 2 * PAD, ROW - 4, "member")),
      more > 0 &&
        s("text.graph-more", {
          x: PAD * 2,
          y: HEIGHT + rows.length * ROW + 17,
          onclick: () => this.tell("unfold", box.node.id),
        }, `×${more}${rows.length ? " more" : box.kind === "subflow" ? " in the subflow" : ""}`),
    );
  }

  /** @param {any} node @param {number} x @param {number} y @param {number} width @param {number} height @param {string} kind */
  #card(node, x, y, width, height, kind) {
    const middle = y + (kind === "member" ? (ROW - 4) / 2 : HEIGHT / 2);
    return s(
      "g",
      {
        class: () => `graph-node ${node.status} ${kind}${this.selected.value === node.id ? " selected" : ""}`,
        onclick: (/** @type {Event} */ event) => [event.stopPropagation(), this.tell("pick", node.id)],
      },
      s("title", null, `${node.label} (${node.type}): ${node.status}${node.error ? `, ${node.error}` : ""}`),
      s("rect", { x, y, width, height, rx: 7 }),
      s(
        "text.graph-sign",
        { x: x + 14, y: middle, "text-anchor": "middle", "dominant-baseline": "central" },
        SIGNS[node.status] ?? "",
      ),
      s("text", { x: x + 26, y: middle, "dominant-baseline": "central" }, cut(node.label)),
      node.runs > 1 &&
        s(
          "text.graph-runs",
          { x: x + width - 8, y: middle, "text-anchor": "end", "dominant-baseline": "central" },
          `×${node.runs}`,
        ),
    );
  }
}

/** @param {string} text */
const cut = (text) => ([...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join("")}…` : text);

define("graph-view", GraphView);
