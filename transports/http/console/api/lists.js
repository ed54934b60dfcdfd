// @ts-check
/** Lists of traces and spans. */
import { get } from "./studio.js";

/** @typedef {import("./types.d.ts").TraceSummary} TraceSummary */
/** @typedef {{ q?: string | null, service?: string | null, from?: string | null, to?: string | null, sort?: string | null, limit?: number, after?: string | null }} ListQuery */

/** @param {ListQuery} query @param {AbortSignal} [abort] @returns {Promise<{ traces: TraceSummary[], next: string | null }>} */
export const listTraces = (query, abort) => get("api/v1/observability/traces", query, abort);
