// @ts-check
/** What is written in the playground: kept as text, and made into a request for each lane. */

/** @typedef {{ role: string, content: string, images?: { media_type: string, data: string }[] | null, tool_calls?: any[] | null, tool_call_id?: string | null }} Message */
/** @typedef {{ model: string, messages: Message[], [parameter: string]: any }} Prompt the body of `POST /llm/generate` */

/**
 * @typedef {object} Draft
 * @property {Message[]} messages
 * @property {string[]} models one for each lane
 * @property {Record<string, string>} fields parameters as they are typed; "" for none
 * @property {{ trace_id: string, span_id: string } | null} replay_of
 */

export const LANES = 4;
/** @type {Draft} */
export const EMPTY = {
  messages: [{ role: "system", content: "" }, { role: "user", content: "" }],
  models: [""],
  fields: {},
  replay_of: null,
};

const NUMBERS = ["temperature", "top_p", "max_tokens", "max_completion_tokens"];
const JSONS = ["tools", "json_schema"];

/** The draft that a stored text says, or an empty one for any other text. @param {string | null} text @returns {Draft} */
export function draftOf(text) {
  try {
    const found = JSON.parse(text ?? "");
    const messages = found.messages.filter((/** @type {any} */ each) =>
      typeof each?.role === "string" && typeof each?.content === "string"
    );
    const models = found.models.filter((/** @type {any} */ each) => typeof each === "string").slice(0, LANES);
    const fields = Object.fromEntries(
      Object.entries(found.fields ?? {}).filter(([, value]) => typeof value === "string"),
    );
    return {
      messages,
      models: models.length ? models : [""],
      fields: /** @type {any} */ (fields),
      replay_of: found.replay_of ?? null,
    };
  } catch {
    return structuredClone(EMPTY);
  }
}

/** A stored prompt as a draft. @param {Prompt} request @returns {Draft} */
export function draftFrom(request) {
  const fields = /** @type {Record<string, string>} */ ({});
  for (const name of NUMBERS) {
    if (request[name] !== null && request[name] !== undefined) fields[name] = String(request[name]);
  }
  for (const name of JSONS) if (request[name]) fields[name] = JSON.stringify(request[name], null, 2);
  if (request["reasoning_effort"]) fields["reasoning_effort"] = request["reasoning_effort"];
  if (request["stop"]?.length) fields["stop"] = request["stop"].join("\n");
  if (request["json_mode"]) fields["json_mode"] = "yes";
  return { messages: request.messages, models: [request.model], fields, replay_of: request["replay_of"] ?? null };
}

/** The request of a lane. @param {Draft} draft @param {string} model @returns {Prompt} @throws {Error} that says what is wrong */
export function requestOf({ messages, fields, replay_of }, model) {
  if (!/^[a-z_]+\/\S+$/.test(model)) throw new Error("Choose a model, such as openai/gpt-4o.");
  const request = /** @type {Prompt} */ ({
    model,
    messages: messages.filter(({ content, images, tool_calls }) => content || images?.length || tool_calls?.length),
  });
  if (!request.messages.length) throw new Error("Write a message first.");
  for (const name of NUMBERS) if (fields[name]) request[name] = numberOf(name, fields[name]);
  for (const name of JSONS) if (fields[name]?.trim()) request[name] = jsonOf(name, fields[name]);
  if (fields["reasoning_effort"]) request["reasoning_effort"] = fields["reasoning_effort"];
  if (fields["stop"]) request["stop"] = fields["stop"].split("\n").filter(Boolean);
  if (fields["json_mode"] || fields["json_schema"]?.trim()) request["json_mode"] = true;
  if (replay_of) request["replay_of"] = replay_of;
  return request;
}

/** @param {string} name @param {string} text */
function numberOf(name, text) {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`${name} is no number.`);
  return value;
}

/** @param {string} name @param {string} text */
function jsonOf(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${error instanceof Error ? error.message : ""}`);
  }
}
