// @ts-check
/** One trace: its outline, and what one of its spans said. */
import { get, request, urlOf } from "./studio.js";

/** @typedef {import("../model/outline.js").Answer & { trace: any, origin: string, truncated: boolean }} OutlineAnswer */
/** @typedef {any} Detail as `GET …/detail` of the API */

const ROOT = "api/v1/observability/traces/";

/** @param {string} trace @param {AbortSignal} [abort] @returns {Promise<OutlineAnswer>} */
export const traceOutline = (trace, abort) => get(`${ROOT}${encodeURIComponent(trace)}/outline`, {}, abort);

/** @param {string} trace @param {string} span @param {AbortSignal} [abort] @returns {Promise<Detail>} */
export const spanDetail = (trace, span, abort) => get(`${spanPath(trace, span)}/detail`, {}, abort);

/** @param {string} trace @param {string} span */
const spanPath = (trace, span) => `${ROOT}${encodeURIComponent(trace)}/spans/${encodeURIComponent(span)}`;

/** Where a whole value is. @param {string} trace @param {string} span @param {string} key @param {string} place `attributes`, `resource`, `event.0` */
export const valueUrl = (trace, span, key, place) =>
  urlOf(`${spanPath(trace, span)}/attributes/${encodeURIComponent(key)}`, { in: place });

/** A whole value as text. @param {string} trace @param {string} span @param {string} key @param {string} place */
export async function wholeValue(trace, span, key, place) {
  const answer = await request("GET", `${spanPath(trace, span)}/attributes/${encodeURIComponent(key)}`, {
    query: { in: place },
    accept: "*/*",
  });
  return await answer.text();
}

/** Scores that people gave. @param {string} trace @param {AbortSignal} [abort] @returns {Promise<{ scores: any[] }>} */
export const traceScores = (trace, abort) => get(`${ROOT}${encodeURIComponent(trace)}/scores`, {}, abort);
