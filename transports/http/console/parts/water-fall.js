// @ts-check
/** Spans as rows with bars over time, a tree that folds. Only rows in sight are in the document. */
import { computed, signal } from "../kernel/signal.js";
import { define, h, Part, part } from "../kernel/view.js";
import { codeOf } from "../model/folding.js";
import { countText, durationText, moneyText } from "../model/format.js";
import { icon } from "./icon.js";
import { shade } from "./span-mark.js";
import { WindowedRows } from "./windowed-rows.js";

/** @typedef {import("../model/outline.js").Outline} Outline */
/** @typedef {import("../model/folding.js").Groups} Groups */

const STEPS = 4; // parts of the ruler
const NARROW = matchMedia("(max-width: 45rem)");
const narrow = signal(NARROW.matches);
NARROW.addEventListener("change", () => void (narrow.value = NARROW.matches));
const NARROW_ROW = 48; // pixels

/** Its events: `pick` and `open` with a row or the code of a group, `fold` with one that is to be folded or opened. */
export class WaterFall extends Part {
  outline = signal(/** @type {Outline | null} */ (null));
  groups = signal(/** @type {Groups} */ ({ groups: [], of: new Int32Array() }));
  /** Rows and codes of groups from above to below. */
  shown = signal(/** @type {readonly number[]} */ ([]));
  selected = signal(-1);
  /** Microseconds that the width stands for. */
  zoom = signal(/** @type {readonly [number, number]} */ ([0, 1]));
  folded = signal(/** @type {ReadonlySet<number>} */ (new Set()));
  opened = signal(/** @type {ReadonlySet<number>} */ (new Set()));
  /** Rows that stand out: found by a search, or on the critical path. */
  marked = signal(/** @type {ReadonlySet<number> | null} */ (null));

  #rows = /** @type {WindowedRows | null} */ (null);

  /** @override */
  render() {
    const place = computed(() => this.shown.value.indexOf(this.selected.value));
    const items = computed(() => {
      const [shown] = [this.shown.value];
      return (/** @type {number} */ index) => shown[index];
    });
    const rows = part(WindowedRows, {
      label: "Spans",
      count: () => this.shown.value.length,
      item: () => items.value,
      key: () => (/** @type {number} */ item) => item,
      row: () => (/** @type {any} */ item) => this.#row(item),
      selected: () => place.value,
      height: () => (narrow.value ? NARROW_ROW : 0),
    }, {
      onpick: (/** @type {CustomEvent<number>} */ event) => this.#forward(event, "pick"),
      onopen: (/** @type {CustomEvent<number>} */ event) => this.#forward(event, "open"),
    });
    this.#rows = rows;
    return [h("div.waterfall-ruler", { "aria-hidden": "true" }, () => this.#ruler()), rows];
  }

  /** @param {number} step */
  move(step) {
    this.#rows?.move(step);
  }

  /** @param {CustomEvent<number>} event @param {string} name */
  #forward(event, name) {
    if (event.target === this) return;
    event.stopPropagation();
    this.tell(name, this.shown.last[event.detail]);
  }

  #ruler() {
    const [from, to] = this.zoom.value;
    const step = (/** @type {number} */ index) => durationText((from + (to - from) * index / STEPS) * 1000) || "0";
    return h("span.waterfall-steps", null, Array.from({ length: STEPS }, (_, index) => h("span", null, step(index))));
  }

  /** @param {import("../kernel/signal.js").Signal<number>} item */
  #row(item) {
    return h(
      "div.waterfall-row",
      {
        class: () => {
          const [marked, row] = [this.marked.value, item.value];
          return `waterfall-row windowed-row${marked ? (marked.has(row) ? " marked" : " dim") : ""}`;
        },
      },
      () => (item.value < 0 ? this.#group(codeOf(item.value)) : this.#span(item.value)),
    );
  }

  /** @param {number} row */
  #span(row) {
    const outline = this.outline.last;
    if (!outline || row >= outline.count) return null;
    const [start, end] = [outline.start[row] ?? 0, outline.end[row] ?? 0];
    const grouped = (this.groups.last.of[row] ?? -1) >= 0 ? 1 : 0;
    const below = (outline.failures[row] ?? 0) - (outline.failed(row) ? 1 : 0);
    const type = outline.type(row);
    return [
      this.#name(
        (outline.depth[row] ?? 0) + grouped,
        row,
        (outline.size[row] ?? 1) > 1 && !this.folded.value.has(row),
        (outline.size[row] ?? 1) > 1,
        type,
        [
          outline.failed(row) &&
          h("span.is-error", { title: "Failed" }, icon("warning"), h("span.hidden-text", null, "failed")),
          h("bdi.cut", { title: outline.name(row) }, outline.name(row) || "(no name)"),
          outline.model(row) && h("span.faint.cut", null, outline.model(row)),
          this.folded.value.has(row) && h("span.badge", null, `${countText((outline.size[row] ?? 1) - 1)} below`),
          below > 0 && this.folded.value.has(row) && h("span.badge.error", null, `${below} failed`),
        ],
      ),
      h("span.waterfall-sums.faint", null, moneyText(outline.cost(row))),
      this.#bar(
        start,
        end,
        type,
        outline.failed(row),
        outline.running(row) ? "running" : durationText((end - start) * 1000),
      ),
    ];
  }

  /** @param {number} index */
  #group(index) {
    const [outline, group] = [this.outline.last, this.groups.last.groups[index]];
    if (!outline || !group) return null;
    const depth = group.parent < 0 ? 0 : (outline.depth[group.parent] ?? 0) + 1;
    const type = outline.type(group.rows[0] ?? 0);
    return [
      this.#name(depth, codeOf(index), this.opened.value.has(index), true, type, [
        h("span.badge", null, `×${countText(group.rows.length)}`),
        h("bdi.cut", null, group.name || "(no name)"),
        group.failures > 0 && h("span.badge.error", null, `${group.failures} failed`),
      ]),
      h("span.waterfall-sums.faint"),
      this.#bar(group.start, group.end, type, group.failures > 0, `${durationText(group.total * 1000)} in all`),
    ];
  }

  /** @param {number} depth @param {number} item @param {boolean} open @param {boolean} folds @param {string} type @param {import("../kernel/view.js").Child[]} said */
  #name(depth, item, open, folds, type, said) {
    const fold = (/** @type {Event} */ event) => [event.stopPropagation(), this.tell("fold", item)];
    return h(
      "span.waterfall-name",
      { "--depth": Math.min(depth, 24) },
      folds
        // For the pointer alone: an option has no controls in it, and the keyboard folds with `h` and `l`.
        ? h("span.waterfall-fold", { "aria-hidden": "true", onclick: fold }, icon(open ? "down" : "right"))
        : h("span.waterfall-leaf"),
      h("span.dot", { "--type": shade(type), title: type || "span" }),
      said,
    );
  }

  /** @param {number} start @param {number} end @param {string} type @param {boolean} failed @param {string} text */
  #bar(start, end, type, failed, text) {
    const [from, to] = this.zoom.value;
    const share = (/** @type {number} */ time) => Math.max(0, Math.min(1, (time - from) / (to - from)));
    const outside = end < from || start > to;
    const left = share(start);
    return h(
      "span.waterfall-track",
      { "--type": shade(type), "--left": left, "--width": share(end) - left },
      !outside && h(failed ? "span.waterfall-bar.failed" : "span.waterfall-bar"),
      h(`span.waterfall-time.${sideOf(left, share(end))}`, null, text),
    );
  }
}

/** Where the text of a bar has room. @param {number} left @param {number} right shares of the width */
const sideOf = (left, right) => (right < 0.8 ? "after" : left > 0.25 ? "before" : "inside");

define("water-fall", WaterFall);
