// @ts-check
/** Values over time as bars or lines, each readable with the pointer, with the keyboard and as a table. */
import { computed, effect, signal } from "../kernel/signal.js";
import { define, h, listen, Part, s } from "../kernel/view.js";
import { linePath, named, stacked, ticks, timeLabel } from "../model/scales.js";

/** @typedef {{ name: string, values: (number | null)[] }} Series */

const HEIGHT = 180;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 8, 8, 22]; // pixels around the plot
const COLOURS = 8;
const MOST_NAMED = 3; // series that are named above; more are named by whoever shows the chart

/** Its events: `pick` with the number of a point, `brush` with the first and the last of some. */
export class TimeChart extends Part {
  label = signal("");
  kind = signal(/** @type {"bars" | "lines"} */ ("bars"));
  /** When each point begins, and how many milliseconds one lasts. */
  times = signal(/** @type {readonly string[]} */ ([]));
  step = signal(60_000);
  series = signal(/** @type {readonly Series[]} */ ([]));
  format = signal(/** @type {(value: number | null) => string} */ ((value) => String(value ?? "")));

  #width = signal(0);
  #at = signal(-1);
  #from = signal(-1);
  #table = signal(false);
  #most = computed(() =>
    Math.max(
      0,
      ...(this.kind.value === "bars"
        ? stacked(this.series.value.map(({ values }) => values)).at(-1) ?? []
        : this.series.value.flatMap(({ values }) => values.map((value) => value ?? 0))),
    )
  );

  /** @override */
  render() {
    const plot = h(
      "div.time-chart-plot",
      {
        tabindex: "0",
        role: "application",
        "aria-label": () => `${this.label.value}. The arrow keys read its values, Enter shows their traces.`,
      },
      () => this.#svg(),
      () => this.#tip(),
    );
    effect(() => {
      const observer = new ResizeObserver(() => void (this.#width.value = plot.clientWidth));
      observer.observe(plot);
      return () => observer.disconnect();
    });
    listen(plot, "pointermove", (event) => void (this.#at.value = this.#pointAt(event)));
    listen(plot, "pointerleave", () => void (this.#at.value = this.#from.last < 0 ? -1 : this.#at.last));
    listen(
      plot,
      "pointerdown",
      (event) => [plot.setPointerCapture(event.pointerId), this.#from.value = this.#pointAt(event)],
    );
    listen(plot, "pointerup", (event) => this.#release(this.#pointAt(event)));
    listen(plot, "keydown", (event) => this.#onkey(event));
    return [
      h(
        "header.time-chart-head",
        null,
        h("h2", null, () => this.label.value),
        h("span.grow"),
        () => this.#legend(),
        h("button.plain", {
          "aria-pressed": () => String(this.#table.value),
          onclick: () => void (this.#table.value = !this.#table.last),
        }, "Table"),
      ),
      h("div", { hidden: () => this.#table.value }, plot),
      () => this.#table.value && this.#rows(),
      h(
        "span.hidden-text",
        { "aria-live": "polite" },
        () => (this.#at.value >= 0 && document.activeElement === plot ? this.#said(this.#at.value) : ""),
      ),
    ];
  }

  #legend() {
    if (this.series.value.length < 2 || this.series.value.length > MOST_NAMED) return null;
    return h(
      "span.time-chart-legend",
      null,
      this.series.value.map(({ name }, index) =>
        h("span.cut", null, h("i", { "--series": colour(index) }), h("bdi", null, name))
      ),
    );
  }

  /** @param {number} point */
  #x = (point) =>
    LEFT +
    (this.#width.value - LEFT - RIGHT) *
      (point / Math.max(1, this.times.value.length - (this.kind.value === "lines" ? 1 : 0)));

  #svg() {
    const [width, times] = [this.#width.value, this.times.value];
    if (!width || !times.length) return null;
    const counts = this.series.value.every(({ values }) => values.every((value) => Number.isInteger(value ?? 0)));
    const marks = ticks(this.#most.value, { whole: counts });
    const y = (/** @type {number} */ value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / (marks.at(-1) ?? 1);
    return s(
      "svg",
      { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-hidden": "true" },
      marks.map((
        mark,
      ) => [
        s("line.time-chart-grid", { x1: LEFT, x2: width - RIGHT, y1: y(mark), y2: y(mark) }),
        s(
          "text",
          { x: LEFT - 6, y: y(mark), "text-anchor": "end", "dominant-baseline": "central" },
          this.format.value(mark) || "0",
        ),
      ]),
      named(times.length).map((point) =>
        s("text", { x: this.#x(point), y: HEIGHT - 6 }, timeLabel(times[point] ?? "", this.step.value))
      ),
      this.kind.value === "bars" ? this.#bars(y) : this.#lines(y),
      () => this.#brush(),
    );
  }

  /** @param {(value: number) => number} y */
  #bars(y) {
    const all = this.series.value.map(({ values }) => values);
    const below = stacked(all);
    const wide = this.#x(1) - this.#x(0);
    const gap = wide > 4 ? 1 : 0;
    return all.map((values, index) => {
      const path = values.map((value, point) => {
        if (!value) return "";
        const [bottom, top] = [y(below[index]?.[point] ?? 0), y((below[index]?.[point] ?? 0) + value)];
        return `M${this.#x(point).toFixed(1)} ${bottom.toFixed(1)}h${Math.max(1, wide - gap).toFixed(1)}V${
          top.toFixed(1)
        }h-${Math.max(1, wide - gap).toFixed(1)}z`;
      }).join("");
      return s("path.time-chart-bars", { d: path, "--series": colour(index) });
    });
  }

  /** @param {(value: number) => number} y */
  #lines(y) {
    return this.series.value.map(({ values }, index) => [
      s("path.time-chart-line", { d: linePath(values, this.#x, y), "--series": colour(index) }),
      // A value without neighbours is no line: it is a point.
      values.map((value, point) =>
        value !== null && (values[point - 1] ?? null) === null && (values[point + 1] ?? null) === null &&
        s("circle.time-chart-point", { cx: this.#x(point), cy: y(value), r: 2.5, "--series": colour(index) })
      ),
    ]);
  }

  #brush() {
    const [at, from] = [this.#at.value, this.#from.value];
    if (at < 0) return null;
    const [first, last] = from < 0 ? [at, at] : [Math.min(at, from), Math.max(at, from)];
    const bars = this.kind.value === "bars" || from >= 0 ? 1 : 0;
    return s("rect.time-chart-brush", {
      x: this.#x(first) - (bars ? 0 : 1),
      y: TOP,
      width: Math.max(2, this.#x(last + bars) - this.#x(first)),
      height: HEIGHT - TOP - BOTTOM,
    });
  }

  #tip() {
    const at = this.#at.value;
    if (at < 0 || !this.times.value[at]) return null;
    const left = this.#x(at) / Math.max(1, this.#width.value);
    const shown = this.series.value.map((each, index) => ({ ...each, index, value: each.values[at] ?? null })).filter((
      { value },
    ) => value !== null && value !== 0);
    return h(
      "div.floating.time-chart-tip",
      { "--at": `${left * 100}%`, class: left > 0.6 ? "floating time-chart-tip before" : "floating time-chart-tip" },
      h("strong", null, new Date(this.times.value[at] ?? "").toLocaleString()),
      shown.length
        ? shown.map(({ name, index, value }) =>
          h(
            "div",
            null,
            h("i", { "--series": colour(index) }),
            h("bdi.cut.grow", null, name),
            h("span", null, this.format.value(value)),
          )
        )
        : h("span.muted", null, "nothing"),
    );
  }

  #rows() {
    const shown = this.times.value.map((time, point) => ({ time, point })).filter(({ point }) =>
      this.series.value.some(({ values }) => values[point])
    );
    return h(
      "div.time-chart-table.scroll-x",
      { tabindex: "0" },
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            h("th", null, "Time"),
            this.series.value.map(({ name }) => h("th.number", null, h("bdi", null, name))),
          ),
        ),
        h(
          "tbody",
          null,
          shown.map(({ time, point }) =>
            h(
              "tr",
              null,
              h(
                "td",
                null,
                h("button.plain", { onclick: () => this.tell("pick", point) }, new Date(time).toLocaleString()),
              ),
              this.series.value.map(({ values }) => h("td.number", null, this.format.value(values[point] ?? null))),
            )
          ),
        ),
      ),
    );
  }

  /** @param {number} point */
  #said(point) {
    const values = this.series.value.map(({ name, values }) =>
      `${name} ${this.format.value(values[point] ?? null) || "nothing"}`
    );
    return `${new Date(this.times.value[point] ?? "").toLocaleString()}: ${values.join(", ")}`;
  }

  /** @param {PointerEvent} event */
  #pointAt(event) {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT - RIGHT);
    const points = this.times.last.length;
    return Math.max(
      0,
      Math.min(points - 1, this.kind.last === "lines" ? Math.round(share * (points - 1)) : Math.floor(share * points)),
    );
  }

  /** @param {number} at */
  #release(at) {
    const from = this.#from.last;
    this.#from.value = -1;
    if (from < 0 || at < 0) return;
    if (from === at) this.tell("pick", at);
    else this.tell("brush", [Math.min(from, at), Math.max(from, at)]);
  }

  /** @param {KeyboardEvent} event */
  #onkey(event) {
    const step =
      /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity })[
        event.key
      ];
    if (event.key === "Enter" && this.#at.last >= 0) this.tell("pick", this.#at.last);
    else if (step !== undefined) {
      this.#at.value = Math.max(0, Math.min(this.times.last.length - 1, this.#at.last + step));
    } else return;
    event.preventDefault();
  }
}

/** The colour of a series, for `--series`. @param {number} index */
export const colour = (index) => `var(--series-${index % COLOURS + 1})`;

define("time-chart", TimeChart);
