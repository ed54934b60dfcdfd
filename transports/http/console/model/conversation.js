// @ts-check
/** What a model call added to the conversation of the call before. */

/** @typedef {{ type: string, [member: string]: any }} Said a part of a message */
/** @typedef {{ role: string, side?: string, name?: string | null, finish_reason?: string | null, parts: Said[] }} Message */

/** How many messages at the beginning are those of the call before: its input, and what it answered. @param {readonly Message[]} now @param {readonly Message[]} before */
export function repeated(now, before) {
  let same = 0;
  while (same < now.length && same < before.length && alike(now[same], before[same])) same++;
  // A call that says nothing new shows all of it.
  return same === now.length ? 0 : same;
}

/** @param {Message | undefined} one @param {Message | undefined} other */
const alike = (one, other) => one?.role === other?.role && JSON.stringify(one?.parts) === JSON.stringify(other?.parts);

/** What a turn added: what was asked after the last answer that it began with, and what was answered. @param {{ messages: readonly Message[], input?: unknown, output?: unknown }} detail */
export function turnOf({ messages, input, output }) {
  const [before, answered] = [messages.filter(isInput), messages.filter((each) => !isInput(each))];
  const last = before.findLastIndex(({ role }) => role === "assistant");
  const asked = before.slice(last + 1).filter(({ role }) => role !== "system");
  return {
    asked: asked.length ? asked : valueOf("user", input),
    answered: answered.length ? answered : valueOf("assistant", output),
  };
}

/** @param {Message} message */
const isInput = ({ side }) => side !== "output";
/** @param {string} role @param {unknown} value @returns {Message[]} */
const valueOf = (role, value) =>
  value === null || value === undefined
    ? []
    : [{ role, parts: [typeof value === "string" ? { type: "text", text: value } : { type: "json", value }] }];
