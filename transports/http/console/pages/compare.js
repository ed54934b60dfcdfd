// @ts-check
/** Two traces side by side: what took longer, cost more, is in one alone, and what they answered. */
import { listTraces } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { spanDetail, traceOutline } from "../api/traces.js";
import { href, hrefHere, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { countText, durationText, moneyText, tokensText } from "../model/format.js";
import { readOutline } from "../model/outline.js";
import { aligned, differs, lasted } from "../model/trace_diff.js";
import { icon } from "../parts/icon.js";
import { differenceText, pretty } from "../parts/messages.js";
import { dot } from "../parts/span-mark.js";
import { empty, skeletons, stateOf } from "../parts/states.js";
import { timeOf } from "../parts/trace-list.js";
import { WindowedRows } from "../parts/windowed-rows.js";

/** @typedef {import("../model/outline.js").Outline} Outline */
/** @typedef {import("../model/trace_diff.js").Pair} Pair */
/** @typedef {{ trace: any, outline: Outline }} Side */

export const title = "Compare";

export function show() {
  return [() => (param("a") && param("b") ? both(param("a") ?? "", param("b") ?? "") : choice(param("a") ?? ""))];
}

/** @param {string} id @param {AbortSignal} abort @returns {Promise<Side>} */
async function read(id, abort) {
  const answer = await traceOutline(id, abort);
  return { trace: answer.trace, outline: readOutline(answer) };
}

/** Which trace it is compared with. @param {string} a */
function choice(a) {
  if (!a) {
    return [
      h("header.page-head", null, h("h1", null, "Compare")),
      empty(
        "Choose a trace first",
        h("p", null, "Open one, and press “Compare” there."),
        h("a.button", { href: href("traces") }, "All traces"),
      ),
    ];
  }
  const asked = loaded(async (abort) => {
    const { trace } = await traceOutline(a, abort);
    const { traces } = await listTraces({ q: `name:${JSON.stringify(trace.name)} -has:parent`, limit: 100 }, abort);
    return { trace, traces: traces.filter(({ trace_id }) => trace_id !== a) };
  });
  return [
    h("header.page-head", null, back(a), h("h1", null, "Compare with")),
    h(
      "div.page-body",
      null,
      stateOf(
        asked,
        ({ trace, traces }) =>
          traces.length
            ? h("ul.run-others", null, traces.map(other))
            : empty("There is no other trace of this name", h("bdi", null, trace.name)),
      ),
    ),
  ];
}

/** @param {any} trace */
const other = (trace) =>
  h(
    "li.row",
    null,
    h("a", { href: hrefHere({ b: trace.trace_id }) }, timeOf(trace.start_time), " ", h("bdi", null, trace.name)),
    h("bdi.muted", null, trace.service),
    h("span.muted", null, [durationText(trace.duration_ns), moneyText(trace.cost_usd)].filter(Boolean).join(" · ")),
    trace.error_count > 0 && h("span.badge.error", null, `${trace.error_count} failed`),
  );

/** @param {string} id */
const back = (id) =>
  h("a.button.plain.square", { href: href(`traces/${id}`), "aria-label": "Back to the trace" }, icon("left"));

/** @param {string} a @param {string} b */
function both(a, b) {
  const asked = loaded((abort) => Promise.all([read(a, abort), read(b, abort)]));
  return [
    h(
      "header.page-head",
      null,
      back(a),
      h("h1", null, "Two traces"),
      h(
        "div.end",
        null,
        h("button", {
          "aria-pressed": () => String(param("only") === "differences"),
          onclick: () => setParams({ only: param("only") ? null : "differences" }),
        }, "Only differences"),
        h("a.button", { href: href("compare", { a: b, b: a }) }, "Swap"),
        h("a.button", { href: href("compare", { a }) }, "Another one"),
      ),
    ),
    h("div.compare-body", null, stateOf(asked, ([one, two]) => untracked(() => sides(one, two)), () => skeletons(10))),
  ];
}

/** @param {Side} one @param {Side} two */
function sides(one, two) {
  const all = aligned(one.outline, two.outline);
  const shown = computed(() => (param("only") ? all.filter((pair) => differs(one.outline, two.outline, pair)) : all));
  const chosen = computed(() =>
    shown.value.findIndex((pair) => keyOf(one.outline, two.outline, pair) === param("row"))
  );
  const rows = part(WindowedRows, {
    kind: "grid",
    label: "Spans of both",
    count: () => shown.value.length,
    item: () => itemIn(shown.value),
    key: () => (/** @type {Pair} */ { a, b }) => `${a} ${b}`,
    row: () => (/** @type {any} */ pair) => row(one.outline, two.outline, pair),
    selected: () => chosen.value,
    head: heads(),
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => {
      const pair = untracked(() => shown.value[detail]);
      if (pair) setParams({ row: keyOf(one.outline, two.outline, pair) });
    },
  });
  keys([
    { keys: "j | ArrowDown", label: "Next span", group: "Compare", quiet: true, run: () => rows.move(1) },
    { keys: "k | ArrowUp", label: "Span before", group: "Compare", quiet: true, run: () => rows.move(-1) },
    { keys: "Escape", label: "Close the answers", group: "Compare", run: () => setParams({ row: null }) },
  ]);
  return [
    sums(one.trace, two.trace),
    h("div.compare-rows", null, rows, () => answers(one, two, shown.value[chosen.value])),
  ];
}

/** @param {Pair[]} pairs @returns {(index: number) => Pair | undefined} */
const itemIn = (pairs) => (index) => pairs[index];

/** A pair in the address. @param {Outline} one @param {Outline} two @param {Pair} pair */
const keyOf = (one, two, { a, b }) => `${one.ids[a] ?? ""}-${two.ids[b] ?? ""}`;

const heads = () =>
  h(
    "div.compare-row.compare-head",
    { role: "row" },
    ["Span", "This", "Other", "Difference", "Tokens", "Cost"].map((name, index) =>
      h(index ? "div.number" : "div", { role: "columnheader" }, name)
    ),
  );

/** @param {Outline} one @param {Outline} two @param {import("../kernel/signal.js").Signal<Pair>} pair */
const row = (one, two, pair) =>
  h("div.compare-row", null, () => {
    const { a, b, depth } = pair.value;
    const [of, at] = /** @type {[Outline, number]} */ (a < 0 ? [two, b] : [one, a]);
    const [first, second] = [a < 0 ? null : lasted(one, a) * 1000, b < 0 ? null : lasted(two, b) * 1000];
    const failed = [a >= 0 && one.failed(a) && "this failed", b >= 0 && two.failed(b) && "the other failed"].filter(
      Boolean,
    );
    return [
      h(
        "div.compare-name",
        { role: "gridcell", "--depth": Math.min(depth, 20) },
        dot(of.type(at)),
        h("bdi.cut", { title: of.name(at) }, of.name(at) || "(no name)"),
        failed.map((text) => h("span.badge.error", null, text)),
        (a < 0 || b < 0) && h("span.badge.warn", null, a < 0 ? "only there" : "only here"),
      ),
      h("div.number", { role: "gridcell" }, durationText(first)),
      h("div.number", { role: "gridcell" }, durationText(second)),
      h(
        "div.number",
        { role: "gridcell" },
        first === null || second === null ? "" : apart(first, second, durationText),
      ),
      h(
        "div.number",
        { role: "gridcell" },
        apart(a < 0 ? null : taken(one, a), b < 0 ? null : taken(two, b), countText),
      ),
      h("div.number", { role: "gridcell" }, apart(a < 0 ? null : one.cost(a), b < 0 ? null : two.cost(b), moneyText)),
    ];
  });

/** Tokens in and out together, or null. @param {Outline} outline @param {number} row */
function taken(outline, row) {
  const [input, output] = outline.tokens(row);
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}

/** How much more or less the second is. @param {number | null} first @param {number | null} second @param {(value: number) => string} format */
function apart(first, second, format) {
  if (first === null || second === null || first === second) return "";
  return h(
    "span",
    { class: second > first ? "is-warn" : "is-ok" },
    `${second > first ? "+" : "−"}${format(Math.abs(second - first))}`,
  );
}

/** @param {any} one @param {any} two */
function sums(one, two) {
  const lines = /** @type {[string, (trace: any) => any, (value: any) => any][]} */ ([
    ["Started", (trace) => trace.start_time, timeOf],
    ["Duration", (trace) => trace.duration_ns, durationText],
    ["Spans", (trace) => trace.span_count, countText],
    ["Failed", (trace) => trace.error_count, countText],
    ["Tokens", (trace) => trace.tokens, tokensText],
    ["Cost", (trace) => trace.cost_usd, moneyText],
  ]);
  const head = (/** @type {string} */ text, /** @type {any} */ trace) =>
    h("th", null, h("a", { href: href(`traces/${trace.trace_id}`) }, text), " ", h("bdi", null, trace.name));
  return h(
    "div.scroll-x.compare-sums",
    { tabindex: "0" },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, h("th"), head("This", one), head("Other", two), h("th", null, "Difference"))),
      h(
        "tbody",
        null,
        lines.map(([label, read, format]) => {
          const [first, second] = [read(one), read(two)];
          const numbers = typeof first === "number" && typeof second === "number";
          return h(
            "tr",
            null,
            h("th", null, label),
            h("td", null, format(first)),
            h("td", null, format(second)),
            h("td", null, numbers && apart(first, second, format)),
          );
        }),
      ),
    ),
  );
}

/** What the two spans of a row answered, word by word. @param {Side} one @param {Side} two @param {Pair | undefined} pair */
function answers(one, two, pair) {
  if (!pair) return null;
  const said = async (
    /** @type {Side} */ { trace, outline },
    /** @type {number} */ row,
    /** @type {AbortSignal} */ abort,
  ) => row < 0 ? "" : answerOf(await spanDetail(trace.trace_id, outline.ids[row] ?? "", abort));
  const asked = loaded((abort) => Promise.all([said(one, pair.a, abort), said(two, pair.b, abort)]));
  const link = (/** @type {Side} */ { trace, outline }, /** @type {number} */ row, /** @type {string} */ text) =>
    row >= 0 && h("a.button", { href: href(`traces/${trace.trace_id}`, { span: outline.ids[row] }) }, text);
  return h(
    "aside.compare-answers.stack",
    { "aria-label": "What they answered" },
    h(
      "div.row",
      null,
      h("h2.grow", null, "What they answered"),
      link(one, pair.a, "This span"),
      link(two, pair.b, "The other span"),
      h("a.button.plain.square", { href: hrefHere({ row: null }), "aria-label": "Close the answers" }, icon("close")),
    ),
    stateOf(
      asked,
      ([first, second]) =>
        first || second ? differenceText(first, second) : h("p.muted", null, "Neither says what came out of it."),
      () => skeletons(3),
    ),
  );
}

/** @param {any} detail */
function answerOf({ messages, output }) {
  const parts = messages.filter((/** @type {any} */ each) => each.side === "output").flatMap((
    /** @type {any} */ each,
  ) => each.parts);
  return parts.length
    ? parts.map((/** @type {any} */ each) => each.text ?? pretty(each)).join("\n")
    : output === null
    ? ""
    : pretty(output);
}
