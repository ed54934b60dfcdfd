// @ts-check
/** One conversation to read: what went into each turn, what came out, and what it took. */
import { paged, sessionTurns } from "../api/lists.js";
import { spanDetail } from "../api/traces.js";
import { href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { keyed } from "../kernel/keyed.js";
import { computed, effect, signal } from "../kernel/signal.js";
import { h, listen } from "../kernel/view.js";
import { turnOf as added } from "../model/conversation.js";
import { counted, countText, durationText, moneyText, tokensText } from "../model/format.js";
import { leaps } from "../model/leaps.js";
import { icon } from "../parts/icon.js";
import { parts } from "../parts/messages.js";
import { failed, skeletons } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { timeOf } from "../parts/trace-list.js";

export const title = "Session";

const AHEAD = 600; // pixels before the end at which more turns are asked for, and whole texts
const CUT = "…"; // at the end of a line of which there is more

/** @param {Record<string, string>} at */
export function show({ session: id = "" }) {
  const session = signal(/** @type {any} */ (null));
  const asked = paged(async (after, abort) => {
    const answer = await sessionTurns(id, after, abort);
    session.value = answer.session;
    return { items: answer.turns, next: answer.next };
  });
  const leaping = computed(() => leaps(asked.items.value));
  const turns = keyed(
    h("ol.turns"),
    () => asked.items.value,
    (turn) => turn.trace.trace_id,
    (turn) => turnOf(turn, () => leaping.value),
  );
  const body = h("div.page-body", null, h("div.narrow", null, () => state(asked), turns, () => more(asked)));
  effect(() =>
    listen(body, "scroll", () => body.scrollHeight - body.scrollTop - body.clientHeight < AHEAD && asked.more(), {
      passive: true,
    })
  );
  effect(() => void toTurn(asked.items.value, turns));
  keys([
    { keys: "j | ArrowDown", label: "Next turn", group: "Session", quiet: true, run: () => step(asked.items.last, 1) },
    { keys: "k | ArrowUp", label: "Turn before", group: "Session", quiet: true, run: () => step(asked.items.last, -1) },
    {
      keys: "Shift+l",
      label: "Next leap of cost or time",
      group: "Session",
      run: () => leap(asked.items.last, leaping.value),
    },
    { keys: "r", label: "Ask again", group: "Session", run: asked.again },
  ]);
  return [head(id, session, () => leap(asked.items.last, leaping.value)), body];
}

/** @param {string} id @param {import("../kernel/signal.js").Signal<any>} session @param {() => void} leap */
const head = (id, session, leap) =>
  h(
    "header.page-head",
    null,
    h("a.button.plain.square", { href: href("sessions"), "aria-label": "All sessions" }, icon("left")),
    h("h1", { title: id }, h("bdi", null, id)),
    h("span.muted", null, () => session.value && sums(session.value)),
    h(
      "div.end",
      null,
      h(
        "button",
        { onclick: leap, title: "Where cost or time is much more than in the turn before (⇧L)" },
        "Next leap",
      ),
      h("a.button", { href: href("traces", { q: `session:${JSON.stringify(id)}` }) }, icon("traces"), "As traces"),
    ),
  );

/** @param {any} session */
const sums = ({ turns, tokens, cost_usd, unpriced, error_count, user_id }) =>
  [
    user_id,
    counted(turns, "turn"),
    tokens && `${tokensText(tokens)} tokens`,
    moneyText(cost_usd),
    unpriced > 0 && `${countText(unpriced)} without a price`,
    error_count > 0 && `${countText(error_count)} failed`,
  ].filter(Boolean).join(" · ");

/** @param {ReturnType<typeof paged<any>>} asked */
function state(asked) {
  if (asked.error.value) return failed(asked.error.value, asked.again);
  return asked.state.value === "loading" && !asked.items.value.length ? skeletons(6, "5rem") : null;
}

/** @param {ReturnType<typeof paged<any>>} asked */
const more = (asked) =>
  asked.next.value && h("button", { onclick: asked.more, disabled: asked.state.value === "more" }, "More turns");

/** @param {import("../kernel/signal.js").Signal<any>} turn @param {() => ReadonlyMap<string, string>} leaping */
function turnOf(turn, leaping) {
  const whole = signal(/** @type {ReturnType<typeof added> | null} */ (null));
  const node = h(
    "li.turn",
    {
      "data-turn": () => turn.value.trace.trace_id,
      class: () => (param("turn") === turn.value.trace.trace_id ? "turn chosen" : "turn"),
    },
    () => said("user", whole.value?.asked, turn.value.input, "Nothing was recorded of what went in."),
    () => said("assistant", whole.value?.answered, turn.value.output, "Nothing was recorded of what came out."),
    () => foot(turn.value.trace, leaping().get(turn.value.trace.trace_id)),
  );
  effect(() => {
    const { trace, input, output } = turn.value;
    if (!trace.root || ![input, output].some((line) => line?.endsWith(CUT))) return;
    return whenSeen(node, () => {
      // A turn whose spans are gone meanwhile stays with its lines.
      spanDetail(trace.trace_id, trace.root.span_id).then((detail) => void (whole.value = added(detail)), () => {});
    });
  });
  return node;
}

/** @param {HTMLElement} node @param {() => void} then */
function whenSeen(node, then) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    then();
  }, { rootMargin: `${AHEAD}px` });
  observer.observe(node);
  return () => observer.disconnect();
}

/** @param {string} role @param {readonly import("../model/conversation.js").Message[] | undefined} messages what its line is of, once it is here @param {string | null} line @param {string} nothing */
const said = (role, messages, line, nothing) =>
  h(
    "div.turn-said",
    { "data-role": role },
    messages?.length ? messages.map(parts) : line ? h("p", { dir: "auto" }, line) : h("p.faint", null, nothing),
  );

/** @param {any} trace @param {string | undefined} leap */
const foot = (trace, leap) =>
  h(
    "div.turn-foot.muted",
    null,
    h("a", { href: href(`traces/${trace.trace_id}`) }, h("bdi", null, trace.name || "trace")),
    timeOf(trace.start_time),
    h(
      "span",
      null,
      [durationText(trace.duration_ns), counted(trace.llm_calls, "call"), moneyText(trace.cost_usd)].filter(Boolean)
        .join(" · "),
    ),
    trace.error_count > 0 && h("span.badge.error", null, `${trace.error_count} failed`),
    trace.tools.length > 0 && h("bdi.cut", null, trace.tools.join(", ")),
    leap && h("span.badge.warn", null, leap),
  );

/** @param {any[]} turns @param {number} by */
function step(turns, by) {
  const place = turns.findIndex((turn) => turn.trace.trace_id === param("turn"));
  const next = turns[Math.max(0, Math.min(turns.length - 1, place < 0 ? 0 : place + by))];
  if (next) setParams({ turn: next.trace.trace_id });
}

/** @param {any[]} turns @param {ReadonlyMap<string, string>} leaping */
function leap(turns, leaping) {
  const place = turns.findIndex((turn) => turn.trace.trace_id === param("turn"));
  const after = [...turns.slice(place + 1), ...turns.slice(0, place + 1)].find((turn) =>
    leaping.has(turn.trace.trace_id)
  );
  if (after) setParams({ turn: after.trace.trace_id });
  else toast("Neither cost nor time leaps in the turns that are here.");
}

/** @param {any[]} turns @param {HTMLElement} list */
function toTurn(turns, list) {
  const wanted = param("turn");
  if (turns.length && wanted) {
    [...list.children].find((each) => each.getAttribute("data-turn") === wanted)?.scrollIntoView({ block: "nearest" });
  }
}
