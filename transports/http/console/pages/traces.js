// @ts-check
/** All traces that a filter is true of. */
import { listTraces } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { keyed } from "../kernel/keyed.js";
import { computed } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { icon } from "../parts/icon.js";
import { empty, stateOf } from "../parts/states.js";
import { range, TimeRange } from "../parts/time-range.js";

/** @typedef {import("../api/types.d.ts").TraceSummary} TraceSummary */

export const title = "Traces";

export function show() {
  const asked = loaded((abort) => listTraces({ q: param("q"), ...range(), limit: 100 }, abort));
  const traces = computed(() => asked.value.value?.traces ?? []);
  const rows = keyed(h("tbody"), () => traces.value, (trace) => trace.trace_id, (trace) => row(trace));
  keys([{ keys: "r", label: "Ask again", group: "Traces", run: asked.again }]);
  return [
    h(
      "header.page-head",
      null,
      h("h1", null, "Traces"),
      h(
        "div.end",
        null,
        part(TimeRange),
        h("button.square", { "aria-label": "Ask again", onclick: asked.again }, icon("search")),
      ),
    ),
    h("div.page-body", null, stateOf(asked, ({ traces }) => (traces.length ? h("table", null, rows) : nothing()))),
  ];
}

const nothing = () =>
  empty(
    "No trace is like that",
    h("button", { onclick: () => setParams({ q: null, from: null, to: null }, { push: true }) }, "Show all"),
  );

/** @param {import("../kernel/signal.js").Signal<TraceSummary>} trace */
const row = (trace) =>
  h(
    "tr",
    null,
    h("td.cut", null, h("a", { href: href(`traces/${trace.value.trace_id}`) }, h("bdi", null, () => trace.value.name))),
    h("td.muted", null, () => trace.value.service),
    h("td.number", null, () => trace.value.span_count),
  );
