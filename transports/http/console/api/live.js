// @ts-check
/** What comes in, over one WebSocket for all who follow: nothing is left out and nothing comes twice across reconnects. */
import { signal } from "../kernel/signal.js";
import { account, socketOf } from "./studio.js";

/**
 * @typedef {object} Follower
 * @property {string} q a filter @property {"spans" | "traces"} of
 * @property {number} [limit] how many are there at first @property {string | null} [after] go on behind this position
 * @property {(items: any[]) => void} [page] what was there, the newest first
 * @property {(item: any) => void} item @property {(skipped: number) => void} [lagged] so many were left out
 * @property {() => void} [caughtUp] @property {(faults: { msg: string }[]) => void} [refused] the filter or position
 */

const SIGNED_OUT = 4401;
const LONGEST_WAIT = 15_000; // milliseconds between two tries

/** Whether what comes in is heard: "off" when nobody follows. */
export const liveState = signal(/** @type {"off" | "connecting" | "live" | "lost"} */ ("off"));

/** @type {Map<string, Follower & { position: string | null }>} */
const followers = new Map();
let socket = /** @type {WebSocket | null} */ (null);
let tries = 0;
let names = 0;
let timer = 0;

/** Follow until the returned function is called. @param {Follower} follower @returns {() => void} */
export function follow(follower) {
  const id = `f${++names}`;
  followers.set(id, { ...follower, position: follower.after ?? null });
  if (socket?.readyState === WebSocket.OPEN) subscribe(id);
  else connect();
  return () => {
    followers.delete(id);
    if (!followers.size) disconnect();
    else if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "unsubscribe", id }));
  };
}

function connect() {
  if (socket || !followers.size) return;
  clearTimeout(timer);
  liveState.value = tries ? "lost" : "connecting";
  const opened = new WebSocket(socketOf("api/v1/live"));
  socket = opened;
  opened.addEventListener("open", () => {
    tries = 0;
    liveState.value = "live";
    for (const id of followers.keys()) subscribe(id);
  });
  opened.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  opened.addEventListener("close", (event) => {
    if (socket === opened) lost(event.code);
  });
}

/** @param {number} code */
function lost(code) {
  socket = null;
  if (!followers.size) return;
  liveState.value = "lost";
  if (code === SIGNED_OUT) account.value = null;
  // Tries spread out, so that a studio that starts again is not met by all pages at once.
  timer = setTimeout(connect, Math.min(LONGEST_WAIT, 500 * 2 ** tries++) * (0.5 + Math.random() / 2));
}

function disconnect() {
  clearTimeout(timer);
  socket?.close();
  socket = null;
  tries = 0;
  liveState.value = "off";
}

/** @param {string} id */
function subscribe(id) {
  const { q, of, limit, position } = /** @type {Follower & { position: string | null }} */ (followers.get(id));
  socket?.send(JSON.stringify({ type: "subscribe", id, q, of, after: position, ...(limit && { limit }) }));
}

/** @param {any} frame */
function hear(frame) {
  const follower = followers.get(frame.id);
  if (!follower) return;
  if (frame.position) follower.position = frame.position;
  if (frame.type === "page") follower.page?.(frame.items);
  else if (frame.type === "item") follower.item(frame.item);
  else if (frame.type === "lagged") follower.lagged?.(frame.skipped);
  else if (frame.type === "caught_up") follower.caughtUp?.();
  else if (frame.type === "error") follower.refused?.(frame.detail);
  else if (frame.type === "ended" && socket?.readyState === WebSocket.OPEN) setTimeout(() => again(frame.id), 1000);
}

/** The span store starts again: go on where it ended. @param {string} id */
function again(id) {
  if (followers.has(id) && socket?.readyState === WebSocket.OPEN) subscribe(id);
}
