// @ts-check
import { repeated, turnOf } from "../../../transports/http/console/model/conversation.js";
import { draftFrom, draftOf, EMPTY, requestOf } from "../../../transports/http/console/model/draft.js";
import { valueAt } from "../../../transports/http/console/model/pointer.js";
import { wordDiff } from "../../../transports/http/console/model/text_diff.js";
import { equal, ok, throws } from "./assert.js";

/** @param {string} before @param {string} after */
const marks = (before, after) =>
  wordDiff(before, after).map(({ kind, text }) => ({ same: text, added: `+${text}+`, removed: `-${text}-` })[kind])
    .join("");

Deno.test("a difference is in words", () => {
  equal(
    marks("The order is late.", "The order was late."),
    "The order -is-+was+ late.",
  );
  equal(marks("same", "same"), "same");
  equal([marks("", "new"), marks("old", "")], ["+new+", "-old-"]);
  equal(marks("a 🎉 b", "a 🎉🎉 b"), "a 🎉+🎉+ b");
});

Deno.test("a difference says all of both texts, and long ones are not compared for ever", () => {
  const [one, two] = ["x y z ".repeat(20_000), "z y x ".repeat(20_000)];
  const pieces = wordDiff(one, two);
  equal(
    pieces.filter(({ kind }) => kind !== "added").map(({ text }) => text).join(
      "",
    ),
    one,
  );
  equal(
    pieces.filter(({ kind }) => kind !== "removed").map(({ text }) => text)
      .join(""),
    two,
  );
});

const said = (/** @type {string} */ role, /** @type {string} */ text) => ({
  role,
  parts: [{ type: "text", text }],
});

Deno.test("what the call before had is known, its answer among it", () => {
  const before = [
    said("system", "be kind"),
    said("user", "hello"),
    said("assistant", "hi"),
  ];
  equal(repeated([...before, said("user", "where?")], before), 3);
  equal(
    repeated([said("system", "be kind"), said("user", "other")], before),
    1,
  );
  equal(repeated(before, before), 0);
  equal(repeated(before, []), 0);
});

Deno.test("a draft that was kept is read, and any other text is a new one", () => {
  const draft = {
    messages: [{ role: "user", content: "hello" }],
    models: ["openai/gpt-4o"],
    fields: { temperature: "1" },
    replay_of: null,
  };
  equal(draftOf(JSON.stringify(draft)), draft);
  for (const text of [null, "", "{}", "[]", "no json", '{"messages":3}']) {
    equal(draftOf(text), EMPTY);
  }
  equal(
    draftOf(
      '{"messages":[{"role":1},null,{"role":"user","content":"x"}],"models":[1,"a","b","c","d","e"],"fields":{"stop":5}}',
    ),
    {
      messages: [{ role: "user", content: "x" }],
      models: ["a", "b", "c", "d"],
      fields: {},
      replay_of: null,
    },
  );
});

Deno.test("a request has what was typed, in the types of the API", () => {
  const fields = {
    temperature: "0.7",
    max_tokens: "",
    stop: "END\n\nSTOP",
    tools: '[{"name":"f"}]',
    json_schema: '{"type":"object"}',
  };
  const draft = {
    messages: [{ role: "system", content: "" }, {
      role: "user",
      content: "hello",
    }],
    models: [],
    fields,
    replay_of: null,
  };
  equal(requestOf(draft, "openai/gpt-4o"), {
    model: "openai/gpt-4o",
    messages: [{ role: "user", content: "hello" }],
    temperature: 0.7,
    tools: [{ name: "f" }],
    json_schema: { type: "object" },
    stop: ["END", "STOP"],
    json_mode: true,
  });
  throws(() => requestOf(draft, "gpt-4o"), /Choose a model/);
  throws(
    () => requestOf({ ...draft, messages: [] }, "openai/x"),
    /Write a message/,
  );
  throws(
    () => requestOf({ ...draft, fields: { temperature: "warm" } }, "openai/x"),
    /temperature is no number/,
  );
  throws(
    () => requestOf({ ...draft, fields: { tools: "{" } }, "openai/x"),
    /tools is no JSON/,
  );
});

Deno.test("a stored prompt becomes a draft that says the same", () => {
  const request = {
    model: "openai/gpt-5-mini",
    messages: [{ role: "user", content: "hello" }],
    reasoning_effort: "low",
    max_completion_tokens: 2048,
    json_mode: true,
    stop: ["END"],
    replay_of: { trace_id: "a", span_id: "b" },
  };
  const draft = draftFrom(request);
  ok(draft.models[0] === "openai/gpt-5-mini");
  equal(requestOf(draft, "openai/gpt-5-mini"), {
    model: "openai/gpt-5-mini",
    messages: request.messages,
    max_completion_tokens: 2048,
    reasoning_effort: "low",
    stop: ["END"],
    json_mode: true,
    replay_of: request.replay_of,
  });
});

Deno.test("a path leads to its value, and to nothing where there is none", () => {
  const state = { drafts: ["a"], "x/y": { "~": 1 }, none: null };
  equal(valueAt(state, "/drafts/0"), "a");
  equal(valueAt(state, "/x~1y/~0"), 1);
  equal(valueAt(state, ""), state);
  equal([valueAt(state, "/drafts/1"), valueAt(state, "/none/x"), valueAt(state, "/constructor"), valueAt(null, "/a")], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("a turn is what was asked after the answers that it began with", () => {
  const [system, first, answer, second] = ["system", "user", "assistant", "user"].map((role, index) => ({
    role,
    side: "input",
    parts: [{ type: "text", text: `${role} ${index}` }],
  }));
  const last = { role: "assistant", side: "output", parts: [{ type: "text", text: "at last" }] };
  equal(turnOf({ messages: [system, first, answer, second, last] }), { asked: [second], answered: [last] });
  equal(turnOf({ messages: [system, first, last] }).asked, [first]);
  equal(turnOf({ messages: [], input: "what", output: { so: 1 } }), {
    asked: [{ role: "user", parts: [{ type: "text", text: "what" }] }],
    answered: [{ role: "assistant", parts: [{ type: "json", value: { so: 1 } }] }],
  });
  equal(turnOf({ messages: [] }), { asked: [], answered: [] });
});
