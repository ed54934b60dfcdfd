// @ts-check
/** All spans of a trace as one small picture, in which a time is chosen with the pointer. */
import { effect, signal } from "../kernel/signal.js";
import { define, h, listen, Part } from "../kernel/view.js";
import { shade } from "./span-mark.js";

const HEIGHT = 44; // pixels
const LEAST = 3; // pixels that a choice is wide at least

/** Its event: `zoom` with the two times that were chosen, or null for all. */
export class MiniMap extends Part {
  outline = signal(/** @type {import("../model/outline.js").Outline | null} */ (null));
  zoom = signal(/** @type {readonly [number, number]} */ ([0, 1]));

  #canvas = h("canvas", { "aria-hidden": "true" });
  #window = h("div.mini-map-window", { "aria-hidden": "true" });
  #drag = /** @type {number | null} */ (null);

  /** @override */
  render() {
    const width = signal(this.clientWidth);
    const schemes = matchMedia("(prefers-color-scheme: dark)");
    listen(schemes, "change", () => this.#draw(width.last));
    effect(() => {
      const observer = new ResizeObserver(() => void (width.value = this.clientWidth));
      observer.observe(this);
      return () => observer.disconnect();
    });
    effect(() => this.#draw(width.value));
    effect(() => this.#place(this.zoom.value));
    listen(this, "pointerdown", (event) => this.#start(event));
    listen(this, "pointermove", (event) => this.#choose(event, false));
    listen(this, "pointerup", (event) => this.#choose(event, true));
    listen(this, "dblclick", () => this.tell("zoom", null));
    return [this.#canvas, this.#window];
  }

  /** @param {number} width */
  #draw(width) {
    const outline = this.outline.value;
    const context = this.#canvas.getContext("2d");
    if (!outline || !context || !width) return;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = width * scale;
    this.#canvas.height = HEIGHT * scale;
    context.scale(scale, scale);
    const styles = getComputedStyle(this);
    const colours = new Map(/** @type {[string, string][]} */ ([]));
    const colour = (/** @type {string} */ name) => {
      if (!colours.has(name)) colours.set(name, colourOf(this, styles, name));
      return colours.get(name) ?? "";
    };
    const thick = Math.max(1, Math.min(4, HEIGHT / outline.count));
    for (let index = 0; index < outline.count; index++) {
      const row = outline.order[index] ?? 0;
      const left = (outline.start[row] ?? 0) / outline.length * width;
      const wide = ((outline.end[row] ?? 0) - (outline.start[row] ?? 0)) / outline.length * width;
      context.fillStyle = colour(outline.failed(row) ? "--error" : shade(outline.type(row)).slice(4, -1));
      context.fillRect(left, index / outline.count * (HEIGHT - thick), Math.max(1, wide), thick);
    }
  }

  /** @param {readonly [number, number]} zoom */
  #place([from, to]) {
    const length = this.outline.value?.length ?? 1;
    this.#window.style.setProperty("--left", String(from / length));
    this.#window.style.setProperty("--width", String((to - from) / length));
    this.#window.hidden = from <= 0 && to >= length;
  }

  /** @param {PointerEvent} event */
  #start(event) {
    this.setPointerCapture(event.pointerId);
    this.#drag = event.clientX;
  }

  /** @param {PointerEvent} event @param {boolean} done */
  #choose(event, done) {
    if (this.#drag === null) return;
    const box = this.getBoundingClientRect();
    const [a, b] = [this.#drag, event.clientX].sort((one, other) => one - other);
    if (done) this.#drag = null;
    if (a === undefined || b === undefined || b - a < LEAST) return;
    const length = this.outline.last?.length ?? 1;
    const time = (/** @type {number} */ x) => Math.max(0, Math.min(1, (x - box.left) / box.width)) * length;
    this.tell("zoom", [time(a), time(b)]);
  }
}

/** @param {HTMLElement} element @param {CSSStyleDeclaration} styles @param {string} name */
function colourOf(element, styles, name) {
  // A custom property is not computed to a colour: `light-dark()` in it is, where it is used.
  element.style.setProperty("color", `var(${name})`);
  const found = styles.color;
  element.style.removeProperty("color");
  return found;
}

define("mini-map", MiniMap);
