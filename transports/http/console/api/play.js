// @ts-check
/** Prompts that run at providers, over one WebSocket; a run that goes on is heard to its end across a lost connection. */
import { signal } from "../kernel/signal.js";
import { account, get, send, socketOf } from "./studio.js";

/** @typedef {import("../model/draft.js").Prompt} Prompt */
/** @typedef {{ provider: string, configured: boolean, last4: string | null }} Provider */
/** @typedef {{ id: string, display_name: string, supports_vision: boolean, supports_reasoning: boolean }} Model */
/** @typedef {(frame: any) => void} Hear called with each frame of a run, in order, each once */

const SIGNED_OUT = 4401;
const LAST = ["finished", "cancelled", "failed"];
const LONGEST_WAIT = 5000; // milliseconds between two tries

/** Whether runs can be heard: "idle" while none goes on. */
export const playState = signal(/** @type {"idle" | "connecting" | "open" | "lost"} */ ("idle"));

/** @type {Map<string, { hear: Hear, prompt: Prompt | null, seq: number }>} */
const runs = new Map();
let socket = /** @type {WebSocket | null} */ (null);
let tries = 0;

/** @returns {Promise<Provider[]>} */
export const listProviders = () => get("llm/providers");

/** @param {string} provider @returns {Promise<Model[]>} */
export const listModels = async (provider) =>
  (await get(`llm/providers/${encodeURIComponent(provider)}/models`)).models;

/** The prompt of a stored model call. @param {string} trace @param {string} span @returns {Promise<{ request: Prompt, not_carried_over: string[] }>} */
export const storedPrompt = (trace, span) => get(`llm/replay/${encodeURIComponent(trace)}/${encodeURIComponent(span)}`);

/** @param {string} provider @param {string} key */
export const setProviderKey = (provider, key) =>
  send("PUT", `llm/providers/${encodeURIComponent(provider)}/key`, { key });
/** @param {string} provider */
export const deleteProviderKey = (provider) => send("DELETE", `llm/providers/${encodeURIComponent(provider)}/key`);

/** Begin a run. @param {Prompt} prompt @param {Hear} hear @returns {() => void} ends it, at the provider too */
export function run(prompt, hear) {
  const id = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  runs.set(id, { hear, prompt, seq: 0 });
  if (socket?.readyState === WebSocket.OPEN) begin(id);
  else connect();
  return () => cancel(id);
}

/** @param {string} id */
function cancel(id) {
  const found = runs.get(id);
  if (!found) return;
  if (socket?.readyState === WebSocket.OPEN && !found.prompt) {
    return socket.send(JSON.stringify({ type: "cancel", run_id: id }));
  }
  runs.delete(id);
  found.hear({ type: "cancelled", reason: "asked", usage: null, cost: null });
  rest();
}

/** @param {string} id */
function begin(id) {
  const found = runs.get(id);
  if (!found || !socket) return;
  if (found.prompt) socket.send(JSON.stringify({ type: "run", run_id: id, request: found.prompt }));
  else socket.send(JSON.stringify({ type: "resume", run_id: id, after: found.seq }));
}

function connect() {
  if (socket || !runs.size) return;
  playState.value = tries ? "lost" : "connecting";
  const opened = new WebSocket(socketOf("llm/stream"));
  socket = opened;
  opened.addEventListener("open", () => {
    tries = 0;
    playState.value = "open";
    for (const id of runs.keys()) begin(id);
  });
  opened.addEventListener("message", (event) => heard(JSON.parse(event.data)));
  opened.addEventListener("close", (event) => lost(opened, event.code));
}

/** @param {any} frame */
function heard(frame) {
  const found = runs.get(frame.run_id);
  if (!found) return;
  // What was sent before the connection was lost may be told again.
  if (frame.seq && frame.seq <= found.seq) return;
  found.seq = frame.seq || found.seq;
  found.prompt = null;
  if (LAST.includes(frame.type)) runs.delete(frame.run_id);
  found.hear(frame);
  rest();
}

/** Nothing goes on: the socket has done its work. */
function rest() {
  if (runs.size) return;
  const done = socket;
  socket = null;
  done?.close();
  playState.value = "idle";
}

/** @param {WebSocket} closed @param {number} code */
function lost(closed, code) {
  if (socket !== closed) return;
  socket = null;
  if (code === SIGNED_OUT) {
    for (const { hear } of runs.values()) hear({ type: "failed", status: 401, detail: "You are signed out." });
    runs.clear();
    account.value = null;
  }
  if (!runs.size) return void (playState.value = "idle");
  playState.value = "lost";
  setTimeout(connect, Math.min(LONGEST_WAIT, 250 * 2 ** tries++));
}
