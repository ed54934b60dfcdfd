// @ts-check
/** Lists of traces, spans and sessions, and what is asked about all that a filter is true of. */
import { computed, effect, signal } from "../kernel/signal.js";
import { get, Refused } from "./studio.js";

/** @typedef {import("./types.d.ts").TraceSummary} TraceSummary */
/** @typedef {{ q?: string | null, service?: string | null, from?: string | null, to?: string | null, sort?: string | null, limit?: number, after?: string | null }} ListQuery */
/** @typedef {{ x: { from: string | null, step_ns: number | null, count: number }, y: { field: string, edges: number[] }, counts: number[][], errors: number[][] }} HeatMap */
/** @typedef {{ field: string, score: number, values: { value: unknown, share: number, than_share: number }[] }} Difference */

const ROOT = "api/v1/observability";

/** @param {ListQuery} query @param {AbortSignal} [abort] @returns {Promise<{ traces: TraceSummary[], next: string | null }>} */
export const listTraces = (query, abort) => get(`${ROOT}/traces`, query, abort);

/** @param {ListQuery} query @param {AbortSignal} [abort] @returns {Promise<{ spans: any[], next: string | null }>} */
export const listSpans = (query, abort) => get(`${ROOT}/spans`, query, abort);

/** @type {Promise<any> | null} */
let fields = null;

/** What filters can name; asked for once. @returns {Promise<import("../model/filter_grammar.js").Known>} */
export const filterFields = () => (fields ??= get(`${ROOT}/fields`).catch((error) => {
  fields = null;
  throw error;
}));

/** @param {{ field: string, prefix: string, q: string }} question @param {AbortSignal} [abort] @returns {Promise<{ value: unknown, count: number }[]>} */
export const fieldValues = async (question, abort) => (await get(`${ROOT}/values`, question, abort)).values;

/** @param {{ q?: string | null, from?: string | null, to?: string | null, columns: number, rows: number }} query @param {AbortSignal} [abort] @returns {Promise<HeatMap>} */
export const heatMap = (query, abort) => get(`${ROOT}/heatmap`, query, abort);

/** @param {{ q: string, than?: string | null, from?: string | null, to?: string | null }} query @param {AbortSignal} [abort] @returns {Promise<{ count: number, than_count: number, fields: Difference[] }>} */
export const differences = (query, abort) => get(`${ROOT}/differences`, query, abort);

/** @typedef {any} Point as the API gives it */
/** @typedef {{ key: Record<string, unknown>, total: Point, points: Point[] }} Group */

/** @param {{ of: string, group_by?: string | null, interval: string, tz: string, q?: string | null, from?: string | null, to?: string | null, limit?: number }} query @param {AbortSignal} [abort] @returns {Promise<{ from: string, to: string, interval: string | null, groups: Group[], other: { groups: number, total: Point, points: Point[] } | null }>} */
export const readStats = (query, abort) => get(`${ROOT}/stats`, query, abort);

/** @typedef {any} Session as the API gives it */
/** @typedef {{ trace: any, input: string | null, output: string | null }} Turn */

/** @param {{ q?: string | null, from?: string | null, to?: string | null, limit?: number, after?: string | null }} query @param {AbortSignal} [abort] @returns {Promise<{ sessions: Session[], next: string | null }>} */
export const listSessions = (query, abort) => get(`${ROOT}/sessions`, query, abort);

/** @param {string} id @param {string | null} after @param {AbortSignal} [abort] @returns {Promise<{ session: Session, turns: Turn[], next: string | null }>} */
export const sessionTurns = (id, after, abort) =>
  get(`${ROOT}/sessions/${encodeURIComponent(id)}`, { after, limit: 50 }, abort);

/** @param {unknown} error @param {string} [parameter] @returns {{ column: number, message: string } | null} what is wrong with a filter, and where */
export function filterFault(error, parameter = "q") {
  if (!(error instanceof Refused)) return null;
  const fault = error.faults.find(({ loc }) => loc.includes(parameter) && typeof loc.at(-1) === "number");
  return fault ? { column: Number(fault.loc.at(-1)), message: fault.msg } : null;
}

/**
 * What is read from the address, which changes only when it says something else: not with every other parameter.
 * @template T @param {() => T} read @returns {() => T}
 */
export function steady(read) {
  const text = computed(() => JSON.stringify(read()));
  return () => JSON.parse(text.value);
}

/**
 * A list that is asked for page by page: `more()` goes on where it ends. Asked anew when a signal that `ask` reads
 * before its first `await` changes; until it is there, what was there before stays.
 * @template T @param {(after: string | null, abort: AbortSignal) => Promise<{ items: T[], next: string | null }>} ask
 */
export function paged(ask) {
  const [items, next] = [signal(/** @type {T[]} */ ([])), signal(/** @type {string | null} */ (null))];
  const state = signal(/** @type {"loading" | "more" | "ready" | "failed"} */ ("loading"));
  const error = signal(/** @type {Error | null} */ (null));
  const round = signal(0);
  let abort = new AbortController();

  /** @param {string | null} after @param {AbortSignal} ended */
  async function load(after, ended) {
    try {
      const answer = await ask(after, ended);
      if (ended.aborted) return;
      items.value = after === null ? answer.items : [...items.last, ...answer.items];
      next.value = answer.next;
      error.value = null;
      state.value = "ready";
      // A page may be empty where the studio looked at many spans in vain: the list goes on all the same.
      if (answer.next && !answer.items.length) more();
    } catch (reason) {
      if (ended.aborted) return;
      error.value = reason instanceof Error ? reason : new Error(String(reason));
      state.value = "failed";
    }
  }

  function more() {
    if (state.last !== "ready" || next.last === null) return;
    state.value = "more";
    load(next.last, abort.signal);
  }

  effect(() => {
    void round.value;
    abort = new AbortController();
    const ended = abort;
    state.value = "loading";
    load(null, ended.signal);
    return () => ended.abort();
  });
  return { items, next, state, error, more, again: () => void (round.value = round.last + 1) };
}
