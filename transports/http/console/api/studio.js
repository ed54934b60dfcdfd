// @ts-check
/** The way to the studio's API. Each area has a module of its own here that asks through `request`. */
import { BASE } from "../kernel/address.js";
import { signal } from "../kernel/signal.js";

/** @typedef {import("./types.d.ts").Account} Account */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Query null, undefined and "" are left out */
/** @typedef {{ type: string, loc: (string | number)[], msg: string }} Fault */

const ROOT = BASE.replace(/console\/$/, "");

/** Who is signed in; null when nobody is, undefined before that is known. */
export const account = signal(/** @type {Account | null | undefined} */ (undefined));
/** The other tabs of this browser: they are told when somebody signs in or out here. */
const tabs = new BroadcastChannel("junjo.account");
tabs.addEventListener("message", () => void whoAmI().catch(() => {}));

/** Whether the studio answered the last time it was asked. */
export const connected = signal(true);

/** An answer that was not what was asked for. Its message is the studio's own sentence. */
export class Refused extends Error {
  /** @param {number} status 0 when there was no answer @param {string} message @param {Fault[]} faults @param {number | null} retryAfter seconds */
  constructor(status, message, faults = [], retryAfter = null) {
    super(message);
    this.status = status;
    this.faults = faults;
    this.retryAfter = retryAfter;
  }
}

/**
 * Ask the studio.
 * @param {string} method @param {string} path from the root, its segments encoded: `api/v1/observability/traces`
 * @param {{ query?: Query, body?: unknown, abort?: AbortSignal, accept?: string, headers?: Record<string, string> }} [how] `body` is sent as JSON
 * @returns {Promise<Response>} a good answer @throws {Refused} for any other, and for none
 */
export async function request(method, path, { query, body, abort, accept = "application/json", headers: more } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept, ...more };
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: abort ?? null };
  const answer = await fetch(urlOf(path, query), sent).catch((reason) => {
    if (abort?.aborted) throw reason;
    connected.value = false;
    throw new Refused(0, "The studio does not answer. It may be restarting, or the connection is lost.");
  });
  connected.value = true;
  if (answer.ok) return answer;
  // An answer to a wrong password is 401 too, and ends nobody's sign-in.
  if (answer.status === 401 && path !== "sign-in") account.value = null;
  throw await refused(answer);
}

/** Ask for JSON. @param {string} path @param {Query} [query] @param {AbortSignal} [abort] @returns {Promise<any>} */
export const get = async (path, query, abort) =>
  (await request("GET", path, { query: query ?? {}, ...(abort && { abort }) })).json();

/** Send JSON. @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} the answer, or null without one */
export async function send(method, path, body) {
  const answer = await request(method, path, { body });
  return answer.status === 204 ? null : answer.json();
}

/** The address of something that a link or a download leads to. @param {string} path @param {Query} [query] */
export function urlOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const asked = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return ROOT + path + (asked && `?${asked}`);
}

/** The address of a WebSocket. @param {string} path */
export function socketOf(path) {
  const url = new URL(ROOT + path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** @param {Response} answer */
async function refused(answer) {
  const body = await answer.json().catch(() => null);
  const detail = body?.detail;
  const faults = Array.isArray(detail) ? detail : [];
  const message = typeof detail === "string" ? detail : faults.map((each) => each.msg).join(" ");
  const wait = Number.parseFloat(answer.headers.get("retry-after") ?? "");
  return new Refused(
    answer.status,
    message || `The studio answered ${answer.status}.`,
    faults,
    Number.isNaN(wait) ? null : wait,
  );
}

/** Ask who is signed in, and keep it in `account`. */
export async function whoAmI() {
  try {
    account.value = await get("api/v1/account");
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error;
  }
}

/** @param {string} email @param {string} password */
export async function signIn(email, password) {
  await send("POST", "sign-in", { email, password });
  await signedIn();
}

/** Somebody is signed in now: here, and in the other tabs. */
export async function signedIn() {
  await whoAmI();
  tabs.postMessage(null);
}

export async function signOut() {
  await send("POST", "sign-out");
  account.value = null;
  tabs.postMessage(null);
}
