// @ts-check
/** Runs of workflows and agents: their graph, and their state step by step. */
import { get } from "./studio.js";

/** @typedef {any} Run as the API gives it */
/** @typedef {{ step: number, time: string, span_id: string, node: string | null, action: string | null, paths: string[] }} Step */
/** @typedef {{ step: number, state: unknown, patch: { op: string, path: string, value?: unknown, from?: string }[], span_id: string | null, node: string | null, time: string | null, action: string | null }} StateAt */

/** @param {string} trace @param {string} span */
const path = (trace, span) => `api/v1/workflows/${encodeURIComponent(trace)}/${encodeURIComponent(span)}`;

/** @param {string} trace @param {string} span @param {AbortSignal} [abort] @returns {Promise<Run>} */
export const readRun = (trace, span, abort) => get(path(trace, span), {}, abort);

/** @param {string} trace @param {string} span @param {AbortSignal} [abort] @returns {Promise<{ steps: Step[] }>} */
export const runSteps = (trace, span, abort) => get(`${path(trace, span)}/states`, {}, abort);

/** @param {string} trace @param {string} span @param {number} at @param {AbortSignal} [abort] @returns {Promise<StateAt>} */
export const stateAt = (trace, span, at, abort) => get(`${path(trace, span)}/states`, { at }, abort);

/** Who changed last what is at a path. @param {string} trace @param {string} span @param {string} pointer @param {AbortSignal} [abort] @returns {Promise<{ path: string, step: number | null, span_id: string | null, node: string | null, value: unknown }>} */
export const blame = (trace, span, pointer, abort) => get(`${path(trace, span)}/blame`, { path: pointer }, abort);

/** @param {string} trace @param {string} span @param {string} other `TRACE/SPAN` @param {AbortSignal} [abort] @returns {Promise<{ nodes: { label: string, a: any, b: any }[], first_difference: { step: number, path: string } | null }>} */
export const compareRuns = (trace, span, other, abort) => get(`${path(trace, span)}/compare`, { with: other }, abort);
