// @ts-check
/** Sessions, which are conversations of an agent. */
import { get } from "./studio.js";

/** @typedef {any} Session as the API gives it */
/** @typedef {{ trace: any, input: string | null, output: string | null }} Turn */

const ROOT = "api/v1/observability/sessions";

/** @param {{ q?: string | null, from?: string | null, to?: string | null, limit?: number, after?: string | null }} query @param {AbortSignal} [abort] @returns {Promise<{ sessions: Session[], next: string | null }>} */
export const listSessions = (query, abort) => get(ROOT, query, abort);

/** @param {string} id @param {string | null} after @param {AbortSignal} [abort] @returns {Promise<{ session: Session, turns: Turn[], next: string | null }>} */
export const sessionTurns = (id, after, abort) => get(`${ROOT}/${encodeURIComponent(id)}`, { after, limit: 50 }, abort);
