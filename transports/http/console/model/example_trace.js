// @ts-check
/** A small trace as an agent would send it, in OTLP's JSON, for whoever wants to see one before a program sends any. */

const SERVICE = "example";
const MODEL = "example-model";

/** @typedef {Record<string, string | number>} Attributes */
/** @typedef {{ id: string, parent?: string, name: string, from: number, to: number, attributes: Attributes, error?: string }} Step */

/** @param {(bytes: number) => string} hex random digits, two for each byte @param {number} now milliseconds */
export function exampleTrace(hex, now) {
  const traceId = hex(16);
  const spans = steps(hex).map((step) => otlp(step, traceId, now));
  const resource = { attributes: attributes({ "service.name": SERVICE }) };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "console" }, spans }] }] };
}

/** Milliseconds are before the end of the trace. @param {(bytes: number) => string} hex @returns {Step[]} */
function steps(hex) {
  const [agent, first, tool, failed, last] = Array.from({ length: 5 }, () => hex(8));
  const question = "Where is order 4711?";
  const answer = "Order 4711 left Hamburg this morning and should be with you on Thursday.";
  const call = {
    role: "assistant",
    parts: [{ type: "tool_call", id: "c1", name: "find_order", arguments: { id: 4711 } }],
  };
  const found = { type: "tool_call_response", id: "c1", response: { state: "sent", from: "Hamburg", due: "Thursday" } };
  const asked = [said("user", question)];
  return /** @type {Step[]} */ ([
    { id: agent, name: "invoke_agent support", from: 2400, to: 0, attributes: agentSaid(question, answer) },
    { id: first, parent: agent, name: `chat ${MODEL}`, from: 2380, to: 1500, attributes: chat(asked, call, [212, 24]) },
    {
      id: failed,
      parent: agent,
      name: "execute_tool find_order",
      from: 1490,
      to: 1240,
      attributes: usedTool("", "c1"),
      error: "The warehouse did not answer within 250 ms",
    },
    {
      id: tool,
      parent: agent,
      name: "execute_tool find_order",
      from: 1230,
      to: 1130,
      attributes: usedTool(JSON.stringify(found.response), "c1"),
    },
    {
      id: last,
      parent: agent,
      name: `chat ${MODEL}`,
      from: 1120,
      to: 20,
      attributes: chat([...asked, call, { role: "tool", parts: [found] }], said("assistant", answer), [268, 31]),
    },
  ]);
}

/** @param {string} role @param {string} content */
const said = (role, content) => ({ role, parts: [{ type: "text", content }] });

/** @param {string} question @param {string} answer @returns {Attributes} */
const agentSaid = (question, answer) => ({
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.agent.name": "support",
  "gen_ai.conversation.id": "example",
  "gen_ai.input.messages": JSON.stringify([said("user", question)]),
  "gen_ai.output.messages": JSON.stringify([said("assistant", answer)]),
});

/** @param {unknown[]} input @param {object} output @param {[number, number]} tokens @returns {Attributes} */
const chat = (input, output, [read, written]) => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "example",
  "gen_ai.request.model": MODEL,
  "gen_ai.conversation.id": "example",
  "gen_ai.input.messages": JSON.stringify(input),
  "gen_ai.output.messages": JSON.stringify([{ ...output, finish_reason: "stop" }]),
  "gen_ai.usage.input_tokens": read,
  "gen_ai.usage.output_tokens": written,
});

/** @param {string} result @param {string} id @returns {Attributes} */
const usedTool = (result, id) => ({
  "gen_ai.operation.name": "execute_tool",
  "gen_ai.tool.name": "find_order",
  "gen_ai.tool.call.id": id,
  "gen_ai.tool.call.arguments": '{"id":4711}',
  ...(result && { "gen_ai.tool.call.result": result }),
});

/** @param {Step} step @param {string} traceId @param {number} now */
const otlp = (step, traceId, now) => ({
  traceId,
  spanId: step.id,
  parentSpanId: step.parent ?? "",
  name: step.name,
  kind: 1,
  startTimeUnixNano: `${now - step.from}000000`,
  endTimeUnixNano: `${now - step.to}000000`,
  attributes: attributes(step.attributes),
  status: step.error ? { code: 2, message: step.error } : {},
});

/** @param {Attributes} given */
const attributes = (given) =>
  Object.entries(given).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
