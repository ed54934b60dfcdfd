// @ts-check
/** What one span said: its conversation, its attributes, what happened in it. */
import { href, hrefHere, param } from "../kernel/address.js";
import { computed, signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { bytesText, countText, durationText, moneyText, sizeOf } from "../model/format.js";
import { safeHref } from "../model/links.js";
import { icon } from "./icon.js";
import { conversation, pretty, text } from "./messages.js";
import { dot } from "./span-mark.js";
import { copy } from "./toast.js";

/** @typedef {import("../kernel/view.js").Child} Child */
/** @typedef {any} Detail as the API gives it */
/** @typedef {{ detail: Detail, repeated: number, valueUrl: (key: string, place: string) => string, wholeValue: (key: string, place: string) => Promise<string> }} Shown */

const MOST = 200; // attributes that are in the document at once
const RUNS = ["workflow", "subflow", "agent"];

/** @param {Shown} shown */
export function spanPanel(shown) {
  const { detail } = shown;
  const tabs = tabsOf(shown);
  const chosen = computed(() => tabs.find(({ id }) => id === param("tab")) ?? tabs[0]);
  return [
    head(detail),
    h(
      "div.span-panel-tabs",
      { role: "tablist", "aria-label": "Parts of the span" },
      tabs.map(({ id, label }) =>
        h("a.tab", {
          role: "tab",
          href: () => hrefHere({ tab: id }),
          "aria-selected": () => String(chosen.value?.id === id),
        }, label)
      ),
    ),
    h(
      "div.span-panel-body",
      { role: "tabpanel", tabindex: "0", "aria-label": () => chosen.value?.label },
      () => chosen.value?.show(),
    ),
  ];
}

/** @param {Detail} detail */
function head({ span }) {
  const facts = /** @type {[string, Child][]} */ ([
    ["Duration", durationText(span.duration_ns) || "running"],
    [
      "Started",
      h("time", { datetime: span.start_time, title: span.start_time }, new Date(span.start_time).toLocaleString()),
    ],
    [
      "Model",
      span.model && h("bdi", { title: span.request_model ? `asked for ${span.request_model}` : null }, span.model),
    ],
    ["Provider", span.provider],
    ["Tokens", tokens(span.tokens)],
    [
      "Cost",
      span.cost_usd !== null &&
      h("span", { title: `$${span.cost_usd}, ${span.cost_source}` }, moneyText(span.cost_usd)),
    ],
    ["First token", durationText(span.time_to_first_token_ns)],
    ["Finished", span.finish_reason],
    ["Service", h("bdi", null, [span.service, span.version].filter(Boolean).join(" "))],
    [
      "Session",
      span.session_id &&
      h("a", { href: href(`sessions/${encodeURIComponent(span.session_id)}`) }, h("bdi", null, span.session_id)),
    ],
    [
      "User",
      span.user_id &&
      h("a", { href: href("traces", { q: `user:${JSON.stringify(span.user_id)}` }) }, h("bdi", null, span.user_id)),
    ],
    ["Error", span.error_type && h("bdi.is-error", null, span.error_type)],
  ]);
  return h(
    "div.span-panel-head.stack",
    null,
    h(
      "div.row",
      null,
      dot(span.type),
      h("h2.span-panel-name", { title: span.name }, h("bdi", null, span.name || "(no name)")),
      h("span.badge", null, span.type ?? span.kind),
      state(span),
    ),
    span.status_message && h("p.is-error.span-panel-said", { dir: "auto" }, span.status_message),
    h(
      "dl.facts",
      null,
      facts.filter(([, value]) => value).map(([name, value]) =>
        h("div", null, h("dt", null, name), h("dd", null, value))
      ),
    ),
    h(
      "div.row",
      null,
      span.type === "llm" &&
        h(
          "a.button",
          { href: href("playground", { trace: span.trace_id, span: span.span_id }) },
          icon("playground"),
          "Try in the playground",
        ),
      RUNS.includes(span.type) &&
        h("a.button", { href: href(`workflows/${span.trace_id}/${span.span_id}`) }, icon("traces"), "Step through"),
      h("button.plain", { onclick: () => copy(span.span_id, "Span id copied") }, icon("copy"), "Span id"),
    ),
  );
}

/** @param {any} span */
function state(span) {
  if (span.duration_ns === null) return h("span.badge.warn", null, "running");
  return span.status === "error"
    ? h("span.badge.error", null, "failed")
    : span.status === "ok"
    ? h("span.badge.ok", null, "ok")
    : null;
}

/** @param {any} tokens */
function tokens(tokens) {
  if (!tokens) return null;
  const more = [["cached", tokens.cache_read], ["to cache", tokens.cache_write], ["reasoning", tokens.reasoning]]
    .filter(([, count]) => count);
  return [
    `${countText(tokens.input) || "–"} in, ${countText(tokens.output) || "–"} out`,
    more.length > 0 &&
    h("span.muted", null, ` (${more.map(([name, count]) => `${countText(Number(count))} ${name}`).join(", ")})`),
  ];
}

/** @param {Shown} shown @returns {{ id: string, label: string, show: () => Child }[]} */
function tabsOf(shown) {
  const { detail, repeated } = shown;
  const failures = detail.events.filter((/** @type {any} */ event) => event.name === "exception");
  const tabs = [
    detail.messages.length > 0 &&
    { id: "conversation", label: "Conversation", show: () => [tools(detail), conversation(detail.messages, repeated)] },
    (detail.input !== null || detail.output !== null) &&
    { id: "io", label: "Input and output", show: () => inOut(detail) },
    failures.length > 0 &&
    { id: "errors", label: `Exceptions ${failures.length}`, show: () => failures.map(exception) },
    { id: "attributes", label: "Attributes", show: () => attributes(shown) },
    detail.events.length > 0 &&
    {
      id: "events",
      label: `Events ${detail.events.length}`,
      show: () =>
        detail.events.map((/** @type {any} */ event, /** @type {number} */ index) => happened(shown, event, index)),
    },
    detail.logs.length > 0 && { id: "logs", label: `Logs ${detail.logs.length}`, show: () => detail.logs.map(logged) },
    detail.links.length > 0 &&
    { id: "links", label: `Links ${detail.links.length}`, show: () => detail.links.map(linked) },
    detail.cost && { id: "cost", label: "Cost", show: () => cost(detail.cost) },
    { id: "resource", label: "Resource", show: () => resource(shown) },
  ];
  return tabs.filter((tab) => tab !== false && tab !== null);
}

/** @param {Detail} detail */
const tools = ({ tools, parameters }) => [
  tools.length > 0 &&
  h(
    "details.span-panel-fold",
    null,
    h("summary", null, `${tools.length} tools offered`),
    tools.map((
      /** @type {any} */ tool,
    ) => [
      h("h3", null, h("bdi", null, tool.name)),
      tool.description && h("p.muted", null, tool.description),
      tool.parameters && text(pretty(tool.parameters)),
    ]),
  ),
  Object.keys(parameters).length > 0 &&
  h("details.span-panel-fold", null, h("summary", null, "Parameters"), table(Object.entries(parameters))),
];

/** @param {Detail} detail */
const inOut = ({ input, output }) => [
  input !== null && [h("h3", null, "Input"), text(pretty(input))],
  output !== null && [h("h3", null, "Output"), text(pretty(output))],
];

/** @param {any} event */
const exception = ({ attributes, time }) =>
  h(
    "section.span-panel-event",
    null,
    h("h3.is-error", null, h("bdi", null, attributes["exception.type"] ?? "Exception")),
    h("p", { dir: "auto" }, pretty(attributes["exception.message"] ?? "")),
    h("p.faint", null, time),
    attributes["exception.stacktrace"] && text(attributes["exception.stacktrace"]),
  );

/** @param {Shown} shown @param {any} event @param {number} index */
const happened = (shown, event, index) =>
  h(
    "section.span-panel-event",
    null,
    h("h3", null, h("bdi", null, event.name)),
    h("p.faint", null, event.time),
    table(Object.entries(event.attributes), shown, `event.${index}`),
  );

/** @param {any} log */
const logged = (log) =>
  h(
    "section.span-panel-event",
    null,
    h(
      "div.row",
      null,
      h("span.badge", {
        class: log.severity_number >= 17 ? "badge error" : log.severity_number >= 13 ? "badge warn" : "badge",
      }, log.severity ?? `severity ${log.severity_number}`),
      h("bdi.cut", null, log.event_name),
      h("span.faint", null, log.time),
    ),
    text(pretty(log.body)),
    table(Object.entries(log.attributes)),
  );

/** @param {any} link */
const linked = (link) =>
  h(
    "section.span-panel-event",
    null,
    h(
      "a.mono",
      { href: href(`traces/${link.trace_id}`, { span: link.span_id }) },
      `${link.trace_id} / ${link.span_id}`,
    ),
    table(Object.entries(link.attributes)),
  );

/** @param {any} cost */
const cost = (cost) =>
  h(
    "div.stack",
    null,
    h("p", null, cost.usd === null ? `No price: ${cost.missing ?? "unknown"}` : `$${cost.usd} (${cost.source})`),
    cost.lines.length > 0 &&
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h("tr", null, h("th", null, "Kind"), h("th.number", null, "Tokens"), h("th.number", null, "US dollars")),
        ),
        h(
          "tbody",
          null,
          cost.lines.map((/** @type {any} */ line) =>
            h(
              "tr",
              null,
              h("td", null, line.kind),
              h("td.number", null, countText(line.tokens)),
              h("td.number", null, line.usd),
            )
          ),
        ),
      ),
    cost.price &&
      h(
        "p.muted",
        null,
        `${cost.price.own ? "Own price" : "Price"} of ${cost.price.provider} ${cost.price.model}, per million tokens: ${
          Object.entries(cost.price.per_million).filter(([, usd]) => usd !== null).map(([kind, usd]) =>
            `${kind} $${usd}`
          ).join(", ")
        }`,
      ),
  );

/** @param {Shown} shown */
const resource = (shown) => [
  h("h3", null, "Resource"),
  table(Object.entries(shown.detail.resource), shown, "resource"),
  h("h3", null, "Scope"),
  table([
    ["name", shown.detail.scope.name],
    ["version", shown.detail.scope.version],
    ...Object.entries(shown.detail.scope.attributes),
  ]),
  dropped(shown.detail.dropped),
];

/** @param {Record<string, number>} counts */
function dropped(counts) {
  const lost = Object.entries(counts).filter(([, count]) => count > 0);
  return lost.length > 0 &&
    h("p.is-warn", null, `The SDK dropped ${lost.map(([what, count]) => `${count} ${what}`).join(", ")}.`);
}

/** Attributes with a search over keys and values. @param {Shown} shown */
function attributes(shown) {
  const sought = signal("");
  const all = Object.entries(shown.detail.attributes).map(([key, value]) => ({
    key,
    value,
    all: `${key} ${pretty(value)}`.toLowerCase(),
  }));
  const found = computed(() => all.filter((each) => each.all.includes(sought.value.toLowerCase())));
  return [
    all.length > 3 &&
    h("input.span-panel-search", {
      type: "search",
      placeholder: "Search keys and values",
      "aria-label": "Search attributes",
      oninput: (/** @type {any} */ event) => void (sought.value = event.target.value),
    }),
    () => (found.value.length
      ? table(found.value.slice(0, MOST).map(({ key, value }) => [key, value]), shown, "attributes")
      : h("p.muted", null, all.length ? "No attribute is like that." : "It has no attributes.")),
    () => found.value.length > MOST && h("p.muted", null, `${found.value.length - MOST} more: search for them.`),
  ];
}

/** @param {[string, unknown][]} rows @param {Shown} [shown] with `place`, values that were cut can be had whole @param {string} [place] */
const table = (rows, shown, place) =>
  rows.length > 0 &&
  h(
    "dl.attributes",
    null,
    rows.map(([key, value]) => [h("dt", null, h("bdi", null, key)), h("dd", null, valueOf(key, value, shown, place))]),
  );

/** @param {string} key @param {unknown} value @param {Shown} [shown] @param {string} [place] */
function valueOf(key, value, shown, place) {
  const cut = shown?.detail.truncated.find((/** @type {any} */ each) => each.in === place && each.key === key);
  if (shown && place && cut) return cutValue(key, value, cut.bytes, shown, place);
  if (value === null || value === undefined) return h("span.faint", null, "null");
  const shownText = pretty(value);
  if (shownText.length > 160 || shownText.includes("\n")) return text(shownText);
  const link = typeof value === "string" ? safeHref(value) : null;
  return link
    ? h("a", { href: link, rel: "noreferrer noopener", target: "_blank" }, shownText)
    : h("bdi", null, shownText);
}

/** @param {string} key @param {unknown} value @param {number} bytes @param {Shown} shown @param {string} place */
function cutValue(key, value, bytes, { valueUrl, wholeValue }, place) {
  return h(
    "div.long-text",
    null,
    h("pre.text", { dir: "auto", tabindex: "0" }, pretty(value)),
    h(
      "div.row.muted",
      null,
      `${bytesText(sizeOf(pretty(value)))} of ${bytesText(bytes)}`,
      h("a.button", { href: valueUrl(key, place), target: "_blank" }, "Open all"),
      h("a.button", { href: valueUrl(key, place), download: `${key}.txt` }, icon("download"), "Download"),
      h("button.plain", { onclick: async () => copy(await wholeValue(key, place)) }, icon("copy"), "Copy all"),
    ),
  );
}
