// @ts-check
/** One run of a workflow or an agent: its graph, its state step by step, and another run beside it. */
import { loaded } from "../api/loaded.js";
import { blame, readRun, runSteps, stateAt } from "../api/workflows.js";
import { href, hrefHere, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect, signal, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { counted, durationText, nanosBetween } from "../model/format.js";
import { valueAt } from "../model/pointer.js";
import { boxesOf } from "../model/run_graph.js";
import { GraphView } from "../parts/graph-view.js";
import { icon } from "../parts/icon.js";
import { differenceText, pretty, text } from "../parts/messages.js";
import { empty, skeletons, stateOf } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { timeOf } from "../parts/trace-list.js";
import { WindowedRows } from "../parts/windowed-rows.js";
import { beside, said, STATES } from "./workflow_beside.js";

/** @typedef {import("../kernel/view.js").Child} Child */
/** @typedef {{ trace: string, span: string }} At */

export const title = "Run";

/** @param {Record<string, string>} at */
export function show({ trace = "", span = "" }) {
  const at = { trace, span };
  const asked = loaded(async (abort) => {
    const [run, { steps }] = await Promise.all([readRun(trace, span, abort), runSteps(trace, span, abort)]);
    return { run, steps };
  });
  effect(() => {
    const name = asked.value.value?.run.name;
    if (name) document.title = `${name} · Junjo AI Studio`;
  });
  keys([{ keys: "r", label: "Ask again", group: "Run", run: asked.again }]);
  return [
    h(
      "header.page-head",
      null,
      h(
        "a.button.plain.square",
        { href: href(`traces/${trace}`, { span }), "aria-label": "To its trace" },
        icon("left"),
      ),
      () => head(asked.value.value?.run, at),
    ),
    h(
      "div.run-body",
      null,
      stateOf(
        asked,
        ({ run, steps }) => (param("with") ? beside(at, run) : untracked(() => whole(at, run, steps))),
        () => skeletons(8),
      ),
    ),
  ];
}

/** @param {any} run @param {At} at */
function head(run, { trace, span }) {
  if (!run) return h("h1", null, "Run");
  const { verdict, losses } = run.integrity;
  return [
    h("h1", { title: run.name }, h("bdi", null, run.name)),
    h("span.badge", null, run.kind),
    h(
      "details.run-integrity",
      null,
      h(
        "summary.badge",
        { class: verdict === "complete" ? "badge ok" : "badge warn" },
        verdict === "complete"
          ? "✓ complete"
          : `partial: ${counted(losses.length, "loss").replace(/losss$/, "losses")}`,
      ),
      h(
        "div.floating.stack",
        null,
        losses.length
          ? losses.map((/** @type {any} */ loss) =>
            h("p", null, h("strong", null, loss.kind), " ", h("bdi", null, loss.detail))
          )
          : "Every step that was recorded is here, and the state at its end is what they make.",
      ),
    ),
    h(
      "div.end",
      null,
      h("a.button", {
        href: hrefHere({ with: param("with") ? null : "?" }),
      }, param("with") ? "This run alone" : "Compare"),
      h("a.button", { href: href(`traces/${trace}`, { span }) }, icon("traces"), "Trace"),
    ),
  ];
}

/** @param {At} at @param {any} run @param {import("../api/workflows.js").Step[]} steps */
function whole(at, run, steps) {
  const step = computed(() => Math.max(0, Math.min(steps.length, Number.parseInt(param("step") ?? "0", 10) || 0)));
  const node = computed(() => chosenNode(run, steps[step.value - 1]));
  const go = (/** @type {number} */ to) =>
    setParams({ step: Math.max(0, Math.min(steps.length, to)) || null, node: null });
  const group = "Run";
  keys([
    { keys: "ArrowRight | l | j", label: "Next step", group, quiet: true, run: () => go(step.value + 1) },
    { keys: "ArrowLeft | h | k", label: "Step before", group, quiet: true, run: () => go(step.value - 1) },
    { keys: "Home", label: "The start", group, quiet: true, run: () => go(0) },
    { keys: "End", label: "The end", group, quiet: true, run: () => go(steps.length) },
    { keys: "e", label: "Next node that failed", group, run: () => nextFailure(run, node.value) },
  ]);
  if (param("view") === "failure" && !param("node")) nextFailure(run, null);
  return [
    h(
      "section.run-graph",
      { "aria-label": "Nodes" },
      choice(),
      () => (param("view") === "list" || !run.graph ? nodeList(run, node) : picture(run, node)),
      () => node.value && nodeCard(at, node.value),
    ),
    h(
      "section.run-steps",
      { "aria-label": "Steps" },
      stepList(steps, step, go),
      steps.length || run.state.start !== null
        ? stateOfStep(at, step)
        : empty("It has no state", "Nothing was recorded of a state in this run."),
    ),
  ];
}

const choice = () =>
  h(
    "div.choice.run-choice",
    { role: "group", "aria-label": "How nodes are shown" },
    [["", "Graph"], ["list", "List"]].map(([view, label]) =>
      h("button", {
        "aria-pressed": () => String((param("view") === "list" ? "list" : "") === view),
        onclick: () => setParams({ view }),
      }, label)
    ),
  );

/** The node that is chosen, or the one of the step. @param {any} run @param {import("../api/workflows.js").Step | undefined} step */
function chosenNode(run, step) {
  const chosen = param("node");
  if (chosen) return run.nodes.find((/** @type {any} */ node) => node.id === chosen) ?? null;
  if (!step) return null;
  return run.nodes.find((/** @type {any} */ node) => node.span_id === step.span_id || node.subflow === step.span_id) ??
    run.nodes.find((/** @type {any} */ node) => node.label === step.node) ?? null;
}

/** @param {any} run @param {any} from */
function nextFailure(run, from) {
  const failures = run.nodes.filter((/** @type {any} */ node) =>
    node.status === "error" &&
    !node.children.some((/** @type {string} */ id) =>
      run.nodes.some((/** @type {any} */ each) => each.id === id && each.status === "error")
    )
  );
  const next = failures[(failures.indexOf(from) + 1) % failures.length];
  if (next) setParams({ node: next.id });
  else toast("No node of this run failed.");
}

/** @param {any} run @param {{ readonly value: any }} node */
function picture(run, node) {
  const opened = signal(/** @type {ReadonlySet<string>} */ (new Set()));
  return part(GraphView, { run, selected: () => node.value?.id ?? null, opened: () => opened.value }, {
    onpick: (/** @type {CustomEvent<string>} */ { detail }) => {
      const subflow = boxesOf(run).boxes.find((box) => box.node.id === detail && box.kind === "subflow");
      if (subflow) {
        opened.value = new Set(
          opened.last.has(detail) ? [...opened.last].filter((id) => id !== detail) : [...opened.last, detail],
        );
      }
      setParams({ node: detail });
    },
    onunfold: (/** @type {CustomEvent<string>} */ { detail }) =>
      void (opened.value = new Set([...opened.last, detail])),
  });
}

/** @param {any} run @param {{ readonly value: any }} node */
const nodeList = (run, node) =>
  h(
    "div.run-list.scroll-x",
    { tabindex: "0" },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, ["Node", "Type", "State", "Took"].map((name) => h("th", null, name)))),
      h(
        "tbody",
        null,
        run.nodes.map((/** @type {any} */ each) =>
          h(
            "tr",
            { "aria-current": () => (node.value?.id === each.id ? "true" : null) },
            h(
              "td",
              null,
              h(
                "button.plain",
                { onclick: () => setParams({ node: each.id }) },
                h("bdi", null, each.label),
                each.runs > 1 && ` ×${each.runs}`,
              ),
            ),
            h("td.muted", null, h("bdi", null, each.type)),
            h("td", null, h("span", { class: STATES[each.status] ?? "badge" }, said(each.status))),
            h("td", null, took(each)),
          )
        ),
      ),
    ),
  );

/** @param {any} node */
const took = ({ start, end }) => (start && end ? durationText(nanosBetween(start, end)) : "");

/** @param {At} at @param {any} node */
const nodeCard = ({ trace }, node) =>
  h(
    "div.run-node",
    { role: "status" },
    h("strong.cut", null, h("bdi", null, node.label)),
    h("span", { class: STATES[node.status] ?? "badge" }, said(node.status)),
    h("span.muted", null, took(node)),
    node.error && h("bdi.is-error.cut", { title: node.error }, node.error),
    h("span.grow"),
    node.subflow && h("a.button", { href: href(`workflows/${trace}/${node.subflow}`) }, "Open its run"),
    node.span_id && h("a.button", { href: href(`traces/${trace}`, { span: node.span_id }) }, "Span"),
  );

/** @param {import("../api/workflows.js").Step[]} steps @param {{ readonly value: number }} step @param {(to: number) => void} go */
function stepList(steps, step, go) {
  const rows = part(WindowedRows, {
    label: "Steps",
    count: steps.length + 1,
    item: () => (/** @type {number} */ index) => (index ? steps[index - 1] : null),
    selected: () => step.value,
    row: () => (/** @type {any} */ item, /** @type {any} */ index) =>
      h(
        "div.run-step",
        null,
        h("span.faint.number", null, () => index.value),
        h("bdi.cut", null, () => (item.value ? item.value.action ?? "set state" : "Start")),
        h("bdi.muted.cut", null, () => item.value?.node),
        h("bdi.faint.cut.mono", null, () => item.value?.paths.join(" ")),
      ),
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => go(detail),
    onopen: (/** @type {CustomEvent<number>} */ { detail }) => go(detail),
  });
  return [
    h(
      "div.run-stepper",
      null,
      h("h2", null, () => `Step ${step.value} of ${steps.length}`),
      h("span.grow"),
      h("button.square", {
        "aria-label": "Step before",
        disabled: () => step.value === 0,
        onclick: () => go(step.value - 1),
      }, icon("left")),
      h("button.square", {
        "aria-label": "Next step",
        disabled: () => step.value === steps.length,
        onclick: () => go(step.value + 1),
      }, icon("right")),
    ),
    rows,
  ];
}

const TABS = [["", "Changes"], ["after", "After"], ["before", "Before"], ["blame", "Who wrote"]];

/** @param {At} at @param {{ readonly value: number }} step */
function stateOfStep(at, step) {
  const tab = computed(() => TABS.find(([name]) => name === (param("tab") ?? "")) ?? TABS[0]);
  return h(
    "div.run-state",
    null,
    h(
      "div",
      { role: "tablist", "aria-label": "The state" },
      TABS.map(([name, label]) =>
        h("a.tab", {
          role: "tab",
          href: () => hrefHere({ tab: name }),
          "aria-selected": () => String(tab.value?.[0] === name),
        }, label)
      ),
    ),
    h("div.run-state-body", { role: "tabpanel", tabindex: "0", "aria-label": () => tab.value?.[1] }, () => {
      const name = tab.value?.[0];
      if (name === "blame") return blamed(at);
      return ofStep(at, name === "before" ? Math.max(0, step.value - 1) : step.value, name === "");
    }),
  );
}

/** @param {At} at @param {number} step @param {boolean} changes what the step changed, else the state after it */
function ofStep({ trace, span }, step, changes) {
  const asked = loaded(async (abort) => {
    const [found, before] = await Promise.all([
      stateAt(trace, span, step, abort),
      changes && step ? stateAt(trace, span, step - 1, abort) : null,
    ]);
    return { found, before: before?.state };
  });
  return stateOf(
    asked,
    ({ found, before }) => (changes ? changesOf(found, before) : stateText(found)),
    () => skeletons(3),
  );
}

/** @param {import("../api/workflows.js").StateAt} found */
const stateText = ({ state }) =>
  state === null ? h("p.muted", null, "What the state was is not known.") : text(pretty(state));

/** @param {import("../api/workflows.js").StateAt} found @param {unknown} before the state before the step */
function changesOf(found, before) {
  if (!found.patch.length) {
    return [when(found), h("p.muted", null, found.step ? "It changed nothing." : "The start. The arrow keys step on.")];
  }
  return [when(found), found.patch.map((operation) => changed(operation, valueAt(before, operation.path)))];
}

/** @param {import("../api/workflows.js").StateAt} found */
const when = ({ action, node, time }) =>
  time && h("p.muted", null, [action, node && `in ${node}`].filter(Boolean).join(" "), " at ", timeOf(time));

/** @param {{ op: string, path: string, value?: unknown, from?: string }} operation @param {unknown} old what was at its path */
const changed = ({ op, path, value, from }, old) =>
  h(
    "div.run-change",
    { "data-op": op },
    h(
      "div.row",
      null,
      h("span.badge", { class: op === "add" ? "badge ok" : op === "remove" ? "badge error" : "badge warn" }, op),
      h(
        "a.mono",
        { href: hrefHere({ tab: "blame", path }), title: "Who wrote it last" },
        h("bdi", null, path || "(all)"),
      ),
      from && h("span.muted", null, `from ${from}`),
    ),
    op === "replace" && old !== undefined
      ? differenceText(pretty(old), pretty(value))
      : value !== undefined && text(pretty(value)),
    op === "remove" && old !== undefined && differenceText(pretty(old), ""),
  );

/** @param {At} at */
function blamed({ trace, span }) {
  const path = param("path") ?? "";
  const ask = (
    /** @type {SubmitEvent} */ event,
  ) => [
    event.preventDefault(),
    setParams({ path: String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("path") ?? "") }),
  ];
  const form = h(
    "form.row",
    { onsubmit: ask },
    h("input.grow.mono", { name: "path", ".value": path, placeholder: "/answer", "aria-label": "Path in the state" }),
    h("button", null, "Who wrote it"),
  );
  if (!path) return [form, h("p.muted", null, "A path into the state, such as /drafts/0.")];
  const asked = loaded((abort) => blame(trace, span, path, abort));
  return [
    form,
    stateOf(asked, ({ step, node, value }) => [
      h(
        "p",
        null,
        step === null ? "It is from the start." : [
          "Last written in ",
          h("a", { href: hrefHere({ step, tab: null }) }, `step ${step}`),
          node && [", in ", h("bdi", null, node)],
          ".",
        ],
      ),
      value === null || value === undefined ? h("p.muted", null, "It was removed, or is null.") : text(pretty(value)),
    ], () => skeletons(2)),
  ];
}
