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
 * @property {() => void} [caughtUp] @property {(faults: { msg: string }[]) => void} [refused] the filter
 * @property {boolean} [whole] what was left out is asked for again: `lagged` is then told before it comes
 * @property {() => void} [gap] what was behind the position is no longer known: `page` comes again
 */

const SIGNED_OUT = 4401;
const LONGEST_WAIT = 15_000; // milliseconds between two tries

const LINGERS = 2000; // milliseconds that the socket stays when nobody follows any more

/** Whether what comes in is heard: "off" when nobody follows. */
export const liveState = signal(/** @type {"off" | "connecting" | "live" | "lost"} */ ("off"));

/** @typedef {Follower & { position: string | null, behind?: boolean }} Followed `behind`: it is about to be asked again */

/** @type {Map<string, Followed>} */
const followers = new Map();
let socket = /** @type {WebSocket | null} */ (null);
let tries = 0;
let names = 0;
let timer = 0;
let leaving = 0;

/** Follow until the returned function is called. @param {Follower} follower @returns {() => void} */
export function follow(follower) {
  const id = `f${++names}`;
  followers.set(id, { ...follower, position: follower.after ?? null });
  if (socket?.readyState === WebSocket.OPEN) subscribe(id);
  else connect();
  return () => {
    followers.delete(id);
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "unsubscribe", id }));
    // Who asks for something else, or goes to another page, follows again at once.
    if (!followers.size) leaving = setTimeout(disconnect, LINGERS);
  };
}

function connect() {
  clearTimeout(leaving);
  // Who is signed out would be refused; after signing in pages follow anew.
  if (socket || !followers.size || account.last === null) return;
  clearTimeout(timer);
  liveState.value = tries ? "lost" : "connecting";
  const opened = new WebSocket(socketOf("api/v1/live"));
  socket = opened;
  opened.addEventListener("open", () => {
    tries = 0;
    liveState.value = "live";
    for (const id of followers.keys()) again(id);
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
  if (followers.size) return;
  clearTimeout(timer);
  socket?.close();
  socket = null;
  tries = 0;
  liveState.value = "off";
}

/** @param {string} id */
function subscribe(id) {
  const { q, of, limit, position } = /** @type {Followed} */ (followers.get(id));
  socket?.send(JSON.stringify({ type: "subscribe", id, q, of, after: position, ...(limit && { limit }) }));
}

/** @param {any} frame */
function hear(frame) {
  const follower = followers.get(frame.id);
  if (!follower) return;
  if (frame.type === "ended") return ended(frame.id, follower);
  if (follower.behind) return;
  if (frame.type === "lagged") return lagged(frame, follower);
  if (frame.position) follower.position = frame.position;
  if (frame.type === "page") follower.page?.(frame.items);
  else if (frame.type === "item") follower.item(frame.item);
  else if (frame.type === "caught_up") follower.caughtUp?.();
  else if (frame.type === "error") refused(frame, follower);
}

/** @param {any} frame @param {Followed} follower */
function lagged(frame, follower) {
  follower.lagged?.(frame.skipped);
  if (!follower.whole) return void (follower.position = frame.position);
  // The position stays that of the last item before it. What comes until this has ended comes once more behind it.
  follower.behind = true;
  socket?.send(JSON.stringify({ type: "unsubscribe", id: frame.id }));
}

/** @param {any} frame @param {Followed} follower */
function refused(frame, follower) {
  const isOld = frame.detail.some((/** @type {{ type: string }} */ each) => each.type === "cursor_invalid");
  if (!isOld || !follower.position) return follower.refused?.(frame.detail);
  follower.position = null;
  follower.gap?.();
  subscribe(frame.id);
}

/** @param {string} id @param {Followed} follower */
function ended(id, follower) {
  if (follower.behind) again(id);
  else setTimeout(() => again(id), 1000); // the span store starts again
}

/** Go on where it ended. @param {string} id */
function again(id) {
  const follower = followers.get(id);
  if (!follower || socket?.readyState !== WebSocket.OPEN) return;
  follower.behind = false;
  subscribe(id);
}
