// @ts-check
/** Prompts tried on several models side by side, streamed as they come. */
import { listModels, listProviders, playState, run, storedPrompt } from "../api/play.js";
import { spanDetail } from "../api/traces.js";
import { href, param } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect, signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { draftFrom, draftOf, EMPTY, LANES, requestOf } from "../model/draft.js";
import { countText, moneyText } from "../model/format.js";
import { icon } from "../parts/icon.js";
import { differenceText, text } from "../parts/messages.js";
import { promptEditor } from "../parts/prompt-editor.js";
import { copy, toast } from "../parts/toast.js";

/** @typedef {import("../model/draft.js").Draft} Draft */
/** @typedef {{ state: "idle" | "running" | "finished" | "cancelled" | "failed", text: string, reasoning: string, calls: any[], usage: any, said: string, end: any, trace: string | null }} Answer */

export const title = "Playground";

const DRAFT = "junjo.draft"; // in the browser's own storage; keys of providers are never there
const SAVED_AFTER = 400; // milliseconds without a change
/** @type {Answer} */
const NOTHING = { state: "idle", text: "", reasoning: "", calls: [], usage: null, said: "", end: null, trace: null };

export function show() {
  const draft = signal(draftOf(stored()));
  const lanes = signal(draft.last.models.map(lane));
  const original = signal(/** @type {string | null} */ (null));
  const problem = signal("");
  const models = modelNames();
  const save = saver(draft, lanes);
  const ran = () => runAll(draft.last, lanes.last, problem);
  const stop = () => lanes.last.forEach((each) => each.stop());
  effect(() => void replay(param("trace"), param("span"), { draft, lanes, original, problem }));
  effect(() => () => stop());
  keys([
    { keys: "Mod+Enter", label: "Run in all lanes", group: "Playground", whileTyping: true, run: ran },
    { keys: "Escape", label: "Stop all runs", group: "Playground", whileTyping: true, run: stop },
  ]);
  const going = computed(() => lanes.value.some(({ answer }) => answer.value.state === "running"));
  return [
    h(
      "header.page-head",
      null,
      h("h1", null, "Playground"),
      h(
        "span.muted",
        { role: "status" },
        () => (playState.value === "lost"
          ? "The connection was lost. What is told meanwhile is heard when it is back."
          : ""),
      ),
      h(
        "div.end",
        null,
        h("button.plain", { onclick: () => clear(draft, lanes, original, save) }, "New prompt"),
        h(
          "button",
          {
            disabled: () => lanes.value.length >= LANES,
            onclick: () => [lanes.value = [...lanes.last, lane(lanes.last.at(-1)?.model.last ?? "")], save()],
          },
          icon("plus"),
          "Lane",
        ),
        () => (going.value
          ? h("button.danger", { onclick: stop }, icon("stop"), "Stop")
          : h("button.primary", { onclick: ran, title: "Ctrl Enter" }, icon("playground"), "Run")),
      ),
    ),
    h(
      "div.playground-body",
      null,
      h(
        "div.playground-prompt",
        null,
        () => problem.value && h("p.is-error", { role: "alert" }, problem.value),
        () => draft.value.replay_of && replayed(draft.value.replay_of),
        promptEditor(draft, save),
      ),
      h(
        "div.playground-lanes",
        null,
        models.list,
        () => models.none() && noKeys(),
        () => (original.value === null ? null : originalLane(original.value)),
        () => lanes.value.map((each, index) => laneView(each, index, { lanes, original, save, draft, problem })),
      ),
    ),
  ];
}

/** @typedef {ReturnType<typeof lane>} Lane */
/** @param {string} model */
function lane(model) {
  const answer = signal(NOTHING);
  return {
    model: signal(model),
    answer,
    end: () => {},
    stop() {
      if (answer.last.state === "running") this.end();
    },
  };
}

/** @param {Draft} draft @param {Lane[]} lanes @param {import("../kernel/signal.js").Signal<string>} problem */
function runAll(draft, lanes, problem) {
  problem.value = "";
  for (const each of lanes) runOne(draft, each, problem);
}

/** @param {Draft} draft @param {Lane} lane @param {import("../kernel/signal.js").Signal<string>} problem */
function runOne(draft, lane, problem) {
  lane.stop();
  try {
    const request = requestOf(draft, lane.model.last);
    lane.answer.value = { ...NOTHING, state: "running" };
    lane.end = run(request, (frame) => void (lane.answer.value = after(lane.answer.last, frame)));
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

/** What is known of an answer after a frame. @param {Answer} answer @param {any} frame @returns {Answer} */
function after(answer, frame) {
  if (frame.type === "started") return { ...answer, trace: frame.trace_id };
  if (frame.type === "delta") {
    return { ...answer, text: answer.text + (frame.text ?? ""), reasoning: answer.reasoning + (frame.reasoning ?? "") };
  }
  if (frame.type === "tool_call") return { ...answer, calls: [...answer.calls, frame] };
  if (frame.type === "usage") return { ...answer, usage: frame };
  if (frame.type === "failed") {
    return {
      ...answer,
      state: "failed",
      said: frame.retry_after
        ? `${frame.detail} Try again in ${Math.ceil(frame.retry_after)} s.`
        : sentence(frame.detail),
      end: frame,
    };
  }
  if (frame.type === "cancelled") {
    return { ...answer, state: "cancelled", usage: frame.usage ?? answer.usage, end: frame };
  }
  const choice = frame.response?.choices?.[0];
  return {
    ...answer,
    state: "finished",
    text: choice?.message.content ?? answer.text,
    usage: frame.response?.usage ?? answer.usage,
    said: choice?.finish_reason ?? "",
    end: frame,
  };
}

/** @param {unknown} detail */
const sentence = (detail) =>
  Array.isArray(detail)
    ? detail.map((each) => `${each.loc?.slice(1).join(".")}: ${each.msg}`).join(" ")
    : String(detail);

/** @param {Lane} lane @param {number} index @param {any} around */
function laneView(lane, index, { lanes, original, save, draft, problem }) {
  const name = `Lane ${index + 1}`;
  return h(
    "section.lane.card",
    { "aria-label": name },
    h(
      "div.row",
      null,
      h("input.grow.mono", {
        list: "playground-models",
        "aria-label": `Model of lane ${index + 1}`,
        placeholder: "openai/gpt-4o",
        ".value": lane.model.last,
        oninput: (/** @type {any} */ event) => [lane.model.value = event.target.value.trim(), save()],
      }),
      () => (lane.answer.value.state === "running"
        ? h("button.square", { "aria-label": `Stop lane ${index + 1}`, onclick: () => lane.stop() }, icon("stop"))
        : h("button.square", {
          "aria-label": `Run lane ${index + 1}`,
          onclick: () => runOne(draft.last, lane, problem),
        }, icon("playground"))),
      () =>
        lanes.value.length > 1 &&
        h("button.plain.square", {
          "aria-label": `Close lane ${index + 1}`,
          onclick: () => [
            lane.stop(),
            lanes.value = lanes.last.filter((/** @type {Lane} */ each) => each !== lane),
            save(),
          ],
        }, icon("close")),
    ),
    h(
      "div.lane-answer",
      { "aria-live": "polite", "aria-busy": () => String(lane.answer.value.state === "running") },
      () => said(lane.answer.value, original.value),
    ),
    () => foot(lane.answer.value),
  );
}

/** @param {Answer} answer @param {string | null} original */
function said(answer, original) {
  if (answer.state === "idle") return h("p.faint", null, "The answer comes here.");
  const done = answer.state === "finished";
  return [
    answer.reasoning &&
    h(
      "details.message-reasoning",
      { open: !answer.text },
      h("summary", null, "Reasoning"),
      h("pre.text", { dir: "auto" }, answer.reasoning),
    ),
    done && original !== null
      ? differenceText(original, answer.text)
      : answer.text && (done ? text(answer.text) : h("pre.text", { dir: "auto" }, answer.text)),
    answer.calls.map((call) =>
      h(
        "div.message-tool",
        null,
        h("div.row", null, h("span.badge", null, "calls"), h("bdi.mono", null, call.name)),
        text(call.arguments),
      )
    ),
    answer.state === "running" && !answer.text && !answer.reasoning && h("div.skeleton"),
    answer.state === "failed" && h("p.is-error", { role: "alert" }, answer.said),
  ];
}

/** @param {Answer} answer */
function foot({ state, usage, end, said, trace, text }) {
  if (state === "idle" || state === "running") return null;
  const facts = [
    state === "cancelled"
      ? "stopped"
      : state === "finished" && said !== "stop"
      ? said || "the provider did not say why it ends"
      : "",
    usage && `${countText(usage.prompt_tokens) || "–"} → ${countText(usage.completion_tokens) || "–"} tokens`,
    end?.cost !== null && end?.cost !== undefined && `${moneyText(end.cost)}${end.estimated ? " estimated" : ""}`,
    end?.time_to_first_token && `first token ${Number(end.time_to_first_token.toPrecision(3))} s`,
    end?.tokens_per_second && `${Math.round(end.tokens_per_second)} tokens/s`,
  ];
  return h(
    "div.row.muted.lane-foot",
    null,
    h("span", null, facts.filter(Boolean).join(" · ")),
    h("span.grow"),
    text && h("button.plain.square", { "aria-label": "Copy the answer", onclick: () => copy(text) }, icon("copy")),
    trace && h("a", { href: href(`traces/${trace}`) }, "Trace"),
  );
}

/** @param {string} answer */
const originalLane = (answer) =>
  h(
    "section.lane.card",
    { "aria-label": "The stored answer" },
    h("h2", null, "The stored answer"),
    h("div.lane-answer", null, answer ? text(answer) : h("p.faint", null, "Nothing was recorded of it.")),
  );

/** @param {{ trace_id: string, span_id: string }} from */
const replayed = ({ trace_id, span_id }) =>
  h(
    "p.muted",
    null,
    "From a stored call: ",
    h("a", { href: href(`traces/${trace_id}`, { span: span_id }) }, h("code", null, span_id)),
  );

const noKeys = () =>
  h(
    "section.card.stack",
    null,
    h("h2", null, "No provider has a key yet"),
    h(
      "p.muted",
      null,
      "Set one in the settings, or start the studio with OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY. With OPENAI_BASE_URL any server that speaks OpenAI's wire will do.",
    ),
    h("div", null, h("a.button.primary", { href: href("settings/providers") }, "Set a key")),
  );

/** Models of all providers that have a key, offered while one types. */
function modelNames() {
  const [names, providers] = [signal(/** @type {string[]} */ ([])), signal(/** @type {any[] | null} */ (null))];
  listProviders().then((found) => {
    providers.value = found;
    for (const { provider, configured } of found) {
      if (configured) {
        listModels(provider).then(
          (models) => void (names.value = [...names.last, ...models.map(({ id }) => id)]),
          () => {},
        );
      }
    }
  }, () => {});
  return {
    list: h("datalist", { id: "playground-models" }, () => names.value.map((name) => h("option", { value: name }))),
    none: () => providers.value !== null && !providers.value.some(({ configured }) => configured),
  };
}

/** What a stored call answered, tools that it called as text. @param {any[]} messages */
const answerOf = (messages) =>
  messages.filter(({ side }) => side === "output").flatMap(({ parts }) =>
    parts.map((/** @type {any} */ part) =>
      part.text ?? (part.name ? `${part.name}(${JSON.stringify(part.arguments)})` : "")
    )
  ).join("\n");

/** Load a stored call. @param {string | null} trace @param {string | null} span @param {any} into */
async function replay(trace, span, { draft, lanes, original, problem }) {
  if (!trace || !span) return;
  try {
    const [{ request, not_carried_over }, detail] = await Promise.all([
      storedPrompt(trace, span),
      spanDetail(trace, span),
    ]);
    draft.value = draftFrom(request);
    lanes.value = [lane(request.model)];
    original.value = answerOf(detail.messages);
    if (not_carried_over.length) toast(`Not carried over: ${not_carried_over.join(", ")}`);
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

/** @param {any} draft @param {any} lanes @param {any} original @param {() => void} save */
function clear(draft, lanes, original, save) {
  draft.value = structuredClone(EMPTY);
  lanes.value = [lane(lanes.last[0]?.model.last ?? "")];
  original.value = null;
  save();
}

function stored() {
  try {
    return localStorage.getItem(DRAFT);
  } catch {
    return null;
  }
}

/** Keep the draft in the browser, a moment after the last change. @param {import("../kernel/signal.js").Signal<Draft>} draft @param {import("../kernel/signal.js").Signal<Lane[]>} lanes */
function saver(draft, lanes) {
  let timer = 0;
  const write = () => {
    try {
      localStorage.setItem(DRAFT, JSON.stringify({ ...draft.last, models: lanes.last.map(({ model }) => model.last) }));
    } catch {
      // A picture may be more than the browser keeps: then the draft is not there after a reload.
    }
  };
  effect(() => () => [clearTimeout(timer), write()]);
  return () => {
    clearTimeout(timer);
    timer = setTimeout(write, SAVED_AFTER);
  };
}
