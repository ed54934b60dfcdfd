// @ts-check
/** From nothing to the first span: a key, what a program needs, and what comes of it. */
import { follow, liveState } from "../api/live.js";
import { loaded } from "../api/loaded.js";
import { createKey, endpoints, refusedExports, sendSpans } from "../api/start.js";
import { go, href, param, setParams } from "../kernel/address.js";
import { keyed } from "../kernel/keyed.js";
import { computed, onEnd, signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { exampleTrace } from "../model/example_trace.js";
import { LIBRARIES } from "../model/libraries.js";
import { curl, junjo, ofLibrary, openTelemetry, slug } from "../model/snippets.js";
import { icon } from "../parts/icon.js";
import { stateOf } from "../parts/states.js";
import { copy, toast } from "../parts/toast.js";

/** @typedef {import("../model/snippets.js").Target} Target */
/** @template T @typedef {import("../kernel/signal.js").Signal<T>} Signal */

export const title = "Send spans";

const BETWEEN_LOOKS = 3000; // milliseconds
const NO_KEY = "YOUR_KEY";
const KINDS = /** @type {const} */ ([
  ["library", "A library"],
  ["junjo", "junjo"],
  ["opentelemetry", "OpenTelemetry"],
  ["curl", "curl"],
]);
const CONTENT = {
  junjo: "States and their changes are sent; calls of models are up to the library that instruments them.",
  opentelemetry: "Your program decides what it puts into a span; gen_ai attributes are shown as conversations.",
  curl: "",
};

export function show() {
  const key = signal("");
  const asked = loaded(endpoints);
  return [
    h(
      "header.page-head",
      null,
      h("h1", null, "Send spans"),
      h("div.end", null, h("a.button", { href: href("traces") }, "All traces")),
    ),
    h(
      "div.page-body",
      null,
      h(
        "div.narrow.stack.start",
        null,
        arrivals(key),
        refusals(),
        h("section.card.stack", null, step(1, "A key to send with"), keyOf(key)),
        h(
          "section.card.stack",
          null,
          step(2, "What your program needs"),
          stateOf(asked, (where) => program(() => ({ ...where, key: key.value || NO_KEY }))),
        ),
      ),
    ),
  ];
}

/** @param {number} number @param {string} text */
const step = (number, text) => h("h2.row", null, h("span.start-step", { "aria-hidden": "true" }, number), text);

/** What has come until now; the first trace of a studio leads to the list. @param {Signal<string>} key */
function arrivals(key) {
  const before = signal(/** @type {number | null} */ (null));
  const latest = signal(/** @type {any} */ (null));
  onEnd(follow({
    q: "",
    of: "traces",
    limit: 1,
    page: ([first]) => {
      before.value = first ? 1 : 0;
      latest.value = first ?? null;
    },
    item: (trace) => {
      latest.value = trace;
      if (before.value !== 0) return;
      toast("The first spans are here");
      go(href("traces"), { replace: true });
    },
  }));
  return h(
    "section.card.row.start-arrivals",
    null,
    h("span.start-pulse", {
      class: () => `start-pulse ${liveState.value === "live" ? "is-live" : ""}`,
      "aria-hidden": "true",
    }),
    h("p.grow", { role: "status" }, () => (latest.value ? came(latest.value) : waiting())),
    () => before.value !== null && example(key),
  );
}

function waiting() {
  if (liveState.value === "lost") return "The connection is lost. Trying again …";
  return "Waiting for the first span. It is shown the moment it comes.";
}

/** @param {any} trace */
const came = (trace) => [
  "Spans are coming. The latest trace: ",
  h("a", { href: href(`traces/${trace.trace_id}`) }, h("bdi", null, trace.name || "without a name")),
  " of ",
  h("bdi", null, trace.service),
];

/** @param {Signal<string>} key */
function example(key) {
  const busy = signal(false);
  async function send() {
    busy.value = true;
    try {
      key.value ||= await createKey("example");
      await sendSpans(key.value, exampleTrace(hex, Date.now()));
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    } finally {
      busy.value = false;
    }
  }
  return h("button", { onclick: send, disabled: () => busy.value }, "Send an example trace");
}

/** @param {number} bytes */
const hex = (bytes) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Programs that come in vain, as they come, and what each has to set. */
function refusals() {
  const asked = loaded(refusedExports);
  const timer = setInterval(() => document.hidden || asked.again(), BETWEEN_LOOKS);
  onEnd(() => clearInterval(timer));
  const refused = computed(() => asked.value.value ?? []);
  const list = keyed(h("ul.start-refused"), () => refused.value, (each) => `${each.sender} ${each.fault}`, refusal);
  return h(
    "section.card.stack",
    { hidden: () => !refused.value.length, "aria-live": "polite" },
    h("h2.row.is-warn", null, icon("warning"), "Refused exports"),
    list,
  );
}

/** @param {Signal<import("../api/start.js").RefusedExport>} refused */
const refusal = (refused) =>
  h(
    "li",
    null,
    h("strong", null, () => sentence(refused.value.fault)),
    h("p", null, () => withHost(refused.value.cure)),
    h(
      "p.faint",
      null,
      h("bdi", null, () => `${refused.value.sender}${refused.value.path ? ` → ${refused.value.path}` : ""}`),
      () => `, ${refused.value.times === 1 ? "once" : `${refused.value.times} times`}, `,
      h("time", { title: () => refused.value.last_at }, () => new Date(refused.value.last_at).toLocaleTimeString()),
    ),
  );

/** @param {string} text */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A cure as the studio says it, with the name under which this page knows the studio. @param {string} cure */
const withHost = (cure) => `${sentence(cure).replaceAll("HOST", location.hostname)}.`;

/** @param {Signal<string>} key */
const keyOf = (key) => () => (key.value ? newKey(key.value) : keyForm(key));

/** @param {string} key */
const newKey = (key) => [
  h(
    "div.row",
    null,
    h("code.start-key", null, key),
    h("button", { onclick: () => copy(key, "Key copied") }, icon("copy"), "Copy key"),
  ),
  h("p.muted", null, "It is shown this once, and stands in the lines below. It may send spans, and nothing else."),
];

/** @param {Signal<string>} key */
function keyForm(key) {
  const [busy, fault] = [signal(false), signal("")];
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("name"));
    busy.value = true;
    try {
      key.value = await createKey(name);
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
      busy.value = false;
    }
  }
  return [
    h(
      "form.row",
      { onsubmit: submit },
      h("input.grow", { name: "name", "aria-label": "Name of the key", value: "my programs", required: true }),
      h("button.primary", { disabled: () => busy.value }, "Make a key"),
    ),
    h("p.is-error", { role: "alert", hidden: () => !fault.value }, () => fault.value),
    h(
      "p.muted",
      null,
      "You have one already? Put it in place of ",
      h("code", null, NO_KEY),
      " below. All keys are in ",
      h("a", { href: href("settings/keys") }, "Settings"),
      ".",
    ),
  ];
}

/** @param {() => Target} target */
function program(target) {
  const kind = computed(() => KINDS.find(([name]) => name === param("with"))?.[0] ?? "library");
  const made = { trace: hex(16), span: hex(8), now: Date.now() };
  const choice = KINDS.map(([name, label]) =>
    h("button", {
      "aria-pressed": () => String(kind.value === name),
      onclick: () => setParams({ with: name, library: null }),
    }, label)
  );
  return [
    h("div.choice", { role: "group", "aria-label": "With" }, choice),
    () => kind.value === "library" && librarySelect(),
    () => {
      if (kind.value === "junjo") return blocks(junjo(target()), CONTENT.junjo);
      if (kind.value === "opentelemetry") return blocks(openTelemetry(target()), CONTENT.opentelemetry);
      if (kind.value === "curl") return blocks(curl(target(), made), CONTENT.curl);
      return blocks(ofLibrary(library(), target()), library().content);
    },
  ];
}

const library = () => /** @type {import("../model/libraries.js").Library} */ (
  LIBRARIES.find((each) => slug(each) === param("library")) ?? LIBRARIES[0]
);

const librarySelect = () =>
  h(
    "select",
    {
      "aria-label": "Library",
      onchange: (/** @type {any} */ event) => setParams({ with: "library", library: event.target.value }),
    },
    LIBRARIES.map((each) => h("option", { value: slug(each), selected: () => each === library() }, each.title)),
  );

/** @param {import("../model/snippets.js").Snippet[]} snippets @param {string} content */
const blocks = (snippets, content) => [
  snippets.map(({ title, text }) =>
    h(
      "figure.start-snippet",
      null,
      h(
        "figcaption.row",
        null,
        h("span.grow.muted", null, title),
        h("button.plain", { onclick: () => copy(text) }, icon("copy"), "Copy"),
      ),
      h("pre.text", { tabindex: 0 }, text),
    )
  ),
  content && h("p.muted", null, h("strong", null, "Prompts and answers: "), withCode(content)),
];

/** Text with code between backticks. @param {string} text */
const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", null, part) : part));
