// @ts-check
/** Spans by time and duration, dark where there are many: an area of it is chosen by pointer or by keys. */
import { computed, effect, signal } from "../kernel/signal.js";
import { define, h, listen, Part } from "../kernel/view.js";
import { countText, durationText } from "../model/format.js";
import { areaOf, boxOf, columnTime, labelledRows, mostOf } from "../model/heat_cells.js";

/** @typedef {import("../model/heat_cells.js").HeatMap} Map */
/** @typedef {import("../model/heat_cells.js").Area} Area */
/** @typedef {{ column: number, row: number }} Cell */

const DARK = matchMedia("(prefers-color-scheme: dark)");
const MOST_LISTED = 200; // rows of the table

/** @param {string} iso */
const clock = (iso) =>
  new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** What an area is, in words. @param {Area} area */
export const said = ({ from, to, low, high, count, errors }) =>
  `${countText(count)} span${count === 1 ? "" : "s"}${errors ? `, ${countText(errors)} failed` : ""}` +
  ` · ${durationText(low)} – ${durationText(high)} · ${clock(from)} – ${clock(to)}`;

/** Tells `brush` with the area that is chosen, or null for none, and `choose` when it is wanted (Enter). */
export class HeatMap extends Part {
  map = signal(/** @type {Map | null} */ (null));
  /** Whether it is shown as a table. */
  table = signal(false);

  #anchor = signal(/** @type {Cell | null} */ (null));
  #cursor = signal(/** @type {Cell | null} */ (null));
  #hover = signal(/** @type {Cell | null} */ (null));
  #size = signal(0);
  #scheme = signal(0);
  #canvas = h("canvas");
  #area = computed(() => this.#areaOf(this.#anchor.value, this.#cursor.value));

  /** @override */
  render() {
    effect(() => this.#watch());
    effect(() => this.#draw());
    effect(() => {
      void this.map.value;
      this.clear();
    });
    return () => (this.table.value ? this.#asTable() : this.#asPicture());
  }

  clear() {
    this.#anchor.value = this.#cursor.value = null;
  }

  /** @param {Cell | null} a @param {Cell | null} b */
  #areaOf(a, b) {
    const map = this.map.value;
    return map && a && b && a.column < map.x.count ? areaOf(map, boxOf(a, b)) : null;
  }

  #watch() {
    const again = () => void this.#scheme.value++;
    const [sizes, schemes] = [
      new ResizeObserver(() => void (this.#size.value = this.clientWidth)),
      new MutationObserver(again),
    ];
    sizes.observe(this);
    schemes.observe(document.documentElement, { attributeFilter: ["data-scheme"] });
    listen(DARK, "change", again);
    return () => [sizes.disconnect(), schemes.disconnect()];
  }

  #asPicture() {
    const plot = h(
      "div.heat-map-plot",
      {
        tabindex: "0",
        role: "application",
        "aria-label":
          "Spans by time and duration. Arrow keys move, with Shift they choose an area, Enter shows it alone",
        onpointerdown: (/** @type {PointerEvent} */ event) => this.#press(event, plot),
        onpointermove: (/** @type {PointerEvent} */ event) => this.#drag(event, plot),
        onpointerup: () => this.#tell(),
        onpointerleave: () => void (this.#hover.value = null),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onkey(event),
      },
      this.#canvas,
      () => this.#overlay(),
    );
    return [
      h("div.heat-map-y.faint", { "aria-hidden": "true" }, () => this.#yLabels()),
      plot,
      h("div.heat-map-x.faint", { "aria-hidden": "true" }, () => this.#xLabels()),
      h("div.heat-map-said.muted", { role: "status" }, () => this.#said()),
    ];
  }

  #said() {
    const cell = this.#hover.value;
    const area = this.#area.value ?? this.#areaOf(cell, cell);
    return area ? said(area) : "Drag over an area to look into it";
  }

  #yLabels() {
    const map = this.map.value;
    const rows = map ? map.y.edges.length - 1 : 0;
    return map &&
      labelledRows(map, 4).map((row) =>
        h("span", { "--at": row / rows }, durationText(Math.round(map.y.edges[row] ?? 0)))
      );
  }

  #xLabels() {
    const map = this.map.value;
    if (!map?.x.count) return null;
    const places = this.#size.value > 600 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
    return places.map((at) => h("span", { "--at": at }, clock(columnTime(map, Math.round(at * map.x.count)))));
  }

  #overlay() {
    const [map, a, b] = [this.map.value, this.#anchor.value, this.#cursor.value];
    const rows = map ? map.y.edges.length - 1 : 0;
    if (!map || !a || !b || !rows) return null;
    const { left, right, low, high } = boxOf(a, b);
    return h("div.heat-map-box", {
      "--left": left / map.x.count,
      "--wide": (right - left + 1) / map.x.count,
      "--low": low / rows,
      "--high": (high - low + 1) / rows,
    });
  }

  #draw() {
    const map = this.map.value;
    void [this.#size.value, this.#scheme.value, this.table.value];
    const [canvas, scale] = [this.#canvas, devicePixelRatio || 1];
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = wide * scale;
    canvas.height = high * scale;
    const context = canvas.getContext("2d");
    if (!map || !context || !wide) return;
    context.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const most = Math.log1p(mostOf(map));
    const [x, y] = [wide / map.x.count, high / (map.y.edges.length - 1)];
    const gap = Math.min(x, y) > 4 ? 1 : 0;
    map.counts.forEach((column, place) =>
      column.forEach((count, row) => {
        if (!count) return;
        const [left, top, tall] = [place * x, high - (row + 1) * y, y - gap];
        context.globalAlpha = 0.18 + 0.82 * Math.log1p(count) / most;
        context.fillStyle = style.color;
        context.fillRect(left, top, x - gap, tall);
        const share = (map.errors[place]?.[row] ?? 0) / count;
        if (!share) return;
        context.globalAlpha = 1;
        context.fillStyle = style.outlineColor;
        context.fillRect(left, top + tall * (1 - share) - (share < 0.3 ? 1 : 0), x - gap, Math.max(2, tall * share));
      })
    );
  }

  /** @param {PointerEvent} event @param {HTMLElement} plot @returns {Cell | null} */
  #cellAt(event, plot) {
    const map = this.map.last;
    if (!map?.x.count) return null;
    const [box, rows] = [plot.getBoundingClientRect(), map.y.edges.length - 1];
    const share = (/** @type {number} */ value, /** @type {number} */ of) =>
      Math.max(0, Math.min(of - 1, Math.floor(value * of)));
    return {
      column: share((event.clientX - box.left) / box.width, map.x.count),
      row: share(1 - (event.clientY - box.top) / box.height, rows),
    };
  }

  /** @param {PointerEvent} event @param {HTMLElement} plot */
  #press(event, plot) {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    this.#anchor.value = this.#cursor.value = this.#cellAt(event, plot);
  }

  /** @param {PointerEvent} event @param {HTMLElement} plot */
  #drag(event, plot) {
    const cell = this.#cellAt(event, plot);
    if (event.buttons & 1 && plot.hasPointerCapture(event.pointerId)) this.#cursor.value = cell;
    else this.#hover.value = cell;
  }

  #tell() {
    this.tell("brush", this.#area.value);
  }

  /** @param {KeyboardEvent} event */
  #onkey(event) {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
      PageUp: [0, Infinity],
      PageDown: [0, -Infinity],
    });
    const [step, map] = [steps[event.key], this.map.last];
    if (!map?.x.count || (!step && event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    if (step) this.#step(map, step, event.shiftKey);
    else if (event.key === "Escape") this.clear();
    this.#tell();
    if (event.key === "Enter" && this.#area.value) this.tell("choose", this.#area.value);
  }

  /** @param {Map} map @param {[number, number]} step @param {boolean} extend */
  #step(map, [right, up], extend) {
    const from = this.#cursor.last ?? { column: map.x.count, row: Math.floor(map.y.edges.length / 2) };
    this.#cursor.value = {
      column: Math.max(0, Math.min(map.x.count - 1, from.column + right)),
      row: Math.max(0, Math.min(map.y.edges.length - 2, from.row + up)),
    };
    if (!extend || !this.#anchor.last) this.#anchor.value = this.#cursor.last;
  }

  #asTable() {
    const map = this.map.value;
    const cells = map?.counts.flatMap((column, place) =>
      column.flatMap((
        count,
        row,
      ) => (count ? [areaOf(map, boxOf({ column: place, row }, { column: place, row }))] : []))
    ) ?? [];
    const shown = cells.reverse().slice(0, MOST_LISTED);
    const choose = (/** @type {Area} */ area) => this.tell("choose", area);
    return h(
      "table",
      null,
      h("thead", null, h("tr", null, ["Time", "Duration", "Spans", "Failed", ""].map((each) => h("th", null, each)))),
      h(
        "tbody",
        null,
        shown.map((area) =>
          h(
            "tr",
            null,
            h("td", null, `${clock(area.from)} – ${clock(area.to)}`),
            h("td", null, `${durationText(area.low)} – ${durationText(area.high)}`),
            h("td", null, area.count),
            h("td", null, area.errors),
            h("td", null, h("button.plain", { onclick: () => choose(area) }, "Show")),
          )
        ),
      ),
    );
  }
}

define("heat-map", HeatMap);
