// @ts-check
/** Sums of what a filter is true of, over time. */
import { get } from "./studio.js";

/** @typedef {any} Point as the API gives it */
/** @typedef {{ key: Record<string, unknown>, total: Point, points: Point[] }} Group */

/** @param {{ of: string, group_by?: string | null, interval: string, tz: string, q?: string | null, from?: string | null, to?: string | null, limit?: number }} query @param {AbortSignal} [abort] @returns {Promise<{ from: string, to: string, interval: string | null, groups: Group[], other: { groups: number, total: Point, points: Point[] } | null }>} */
export const readStats = (query, abort) => get("api/v1/observability/stats", query, abort);
