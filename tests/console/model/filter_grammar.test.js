// @ts-check
import {
  completed,
  faultAt,
  fieldText,
  hasTerm,
  offersAt,
  placeAt,
  placeOfColumn,
  questionAt,
  termOf,
  termsOf,
  toggled,
  tokensOf,
  unquoted,
  valueText,
  withoutField,
  withoutTerm,
  withTerm,
} from "../../../transports/http/console/model/filter_grammar.js";
import { equal, ok } from "./assert.js";

const known = {
  fields: [
    ["service", [], "text", null, "Name of the service that sent it"],
    ["status", [], "text", ["unset", "ok", "error"], "Status of the span"],
    ["status_message", [], "text", null, "What the status says"],
    ["duration_ns", ["duration"], "duration", null, "From start to end"],
    [
      "session_id",
      ["session"],
      "text",
      null,
      "Conversation that it belongs to",
    ],
    [
      "trace_id",
      ["trace"],
      "text",
      null,
      "Id of the trace: 32 hex digits, or the first of them",
    ],
    ["counted", [], "bool", null, "Whether it stands for a model call"],
  ].map(([name, aliases, kind, values, description]) => /** @type {any} */ ({
    name,
    aliases,
    kind,
    values,
    description,
    operators: [":"],
  })),
  prefixes: ["attr", "resource", "event", "score"],
};

/** @param {string} text */
const kinds = (text) => tokensOf(text).map((each) => `${each.kind} ${each.text}`);

/** @param {string} marked a text with `|` where the cursor is @returns {[string, number]} */
const cursor = (marked) => [marked.replace("|", ""), marked.indexOf("|")];

/** @param {string} marked @param {{ value: unknown, count: number }[]} [values] */
const offered = (marked, values) => offersAt(placeAt(...cursor(marked)), known, values).map((each) => each.text);

/** @param {string} marked @param {string} wanted @param {{ value: unknown, count: number }[]} [values] */
function accepted(marked, wanted, values) {
  const [text, at] = cursor(marked);
  const place = placeAt(text, at);
  const offer = offersAt(place, known, values).find((each) => each.text === wanted);
  if (!offer) throw new Error(`${wanted} is not offered`);
  const now = completed(text, place, offer);
  return `${now.text.slice(0, now.cursor)}|${now.text.slice(now.cursor)}`;
}

Deno.test("tokens have their kinds and places", () => {
  equal(kinds('service:shop -user:u1 (a OR "b c")'), [
    "field service",
    "operator :",
    "value shop",
    "minus -",
    "field user",
    "operator :",
    "value u1",
    "open (",
    "word a",
    "or OR",
    'quoted "b c"',
    "close )",
  ]);
  equal(kinds("tokens.input:[10 TO *] has:error NOT x"), [
    "field tokens.input",
    "operator :",
    "low [",
    "bound 10",
    "to TO",
    "bound *",
    "high ]",
    "has has:",
    "name error",
    "not NOT",
    "word x",
  ]);
  equal(kinds('attr."a b:c":>=1'), [
    'field attr."a b:c"',
    "operator :>=",
    "value 1",
  ]);
  equal(tokensOf("  a:b")[2], { kind: "value", start: 4, end: 5, text: "b" });
});

Deno.test("conditions have their text, field, sign and depth", () => {
  equal(
    termsOf('-model:"a b" (x has:cost) tokens.input:[1 TO 5] NOT y').map((
      each,
    ) => Object.values(each).slice(2)),
    [
      ['-model:"a b"', "model", true, 0],
      ["x", null, false, 1],
      ["has:cost", "cost", false, 1],
      ["tokens.input:[1 TO 5]", "tokens.input", false, 0],
      ["NOT y", null, true, 0],
    ],
  );
});

Deno.test("conditions are added once, and around an OR", () => {
  equal(withTerm("", "a:b"), "a:b");
  equal(withTerm("x", "a:b"), "x a:b");
  equal(withTerm("x a:b", "a:b"), "x a:b");
  equal(withTerm("x OR y", "a:b"), "(x OR y) a:b");
  equal(withTerm("(x OR a:b)", "a:b"), "(x OR a:b) a:b");
});

Deno.test("conditions are taken away with the AND beside them", () => {
  equal(withoutTerm("a:b x", "a:b"), "x");
  equal(withoutTerm("a:b AND x AND y", "a:b"), "x AND y");
  equal(withoutTerm("x AND a:b AND y", "a:b"), "x AND y");
  equal(withoutTerm("x AND a:b", "a:b"), "x");
  equal(withoutTerm("x OR a:b", "a:b"), "x OR a:b");
  equal(withoutTerm("(a:b x)", "a:b"), "(a:b x)");
  equal(
    withoutField("duration:>1s x -duration_ns:<2s", "duration_ns", [
      "duration",
    ]),
    "x",
  );
  equal(withoutField("tokens.input:[1 TO 5] x", "tokens.input"), "x");
});

Deno.test("a condition goes on and off", () => {
  equal(toggled("x", "a:b"), "x a:b");
  equal(toggled("x a:b", "a:b"), "x");
  ok(hasTerm("x -a:b", "-a:b"));
  ok(!hasTerm("x -a:b", "a:b"));
});

Deno.test("values and keys are quoted where they must be", () => {
  equal(
    ["a", "", "a b", "a*", 'a"b\\c', "(a)", "[a", ">1", "a:b", "\x1c"].map((
      each,
    ) => valueText(each)),
    [
      "a",
      '""',
      '"a b"',
      '"a*"',
      '"a\\"b\\\\c"',
      '"(a)"',
      '"[a"',
      '">1"',
      "a:b",
      '"\x1c"',
    ],
  );
  equal(valueText("a*", true), "a*");
  equal(fieldText("attr.a b"), 'attr."a b"');
  equal(fieldText("attr.a.b"), "attr.a.b");
  equal(unquoted('"a\\"b\\\\c"'), 'a"b\\c');
  equal(termOf("attr.a:b", "x y", { negated: true }), '-attr."a:b":"x y"');
  equal(termOf("version", null), "-has:version");
  equal(termOf("version", null, { negated: true }), "has:version");
  equal(
    termOf("tokens.input", "[1 TO 5]", { range: true }),
    "tokens.input:[1 TO 5]",
  );
});

Deno.test("fields are offered by their names and by what they say", () => {
  equal(offered("ser|"), ["service:"]);
  equal(offered("x -stat|"), ["status:", "status_message:"]);
  equal(offered("dur|"), ["duration:"]);
  equal(offered("conv|"), ["session_id:"]);
  equal(offered("has:dur|"), ["duration"]);
  equal(offered("at|"), ["attr."]);
  equal(offered("ha|"), ["has:"]);
  equal(offered("|").length, known.fields.length + 5);
  equal(offered("a:[1 T|"), []);
});

Deno.test("values are offered: those of the field, of its kind, or of the spans", () => {
  equal(offered("status:|"), ["unset", "ok", "error"]);
  equal(offered("status:e|"), ["error"]);
  equal(offered("counted:|"), ["true", "false"]);
  equal(offered("duration:>1|"), [">100ms", ">1s", ">10s", ">1m"]);
  const values = [{ value: "shop api", count: 3 }, { value: "shop", count: 1 }];
  equal(offered("service:sh|", values), ['"shop api"', "shop"]);
  equal(offered('service:"shop |', values), ['"shop api"']);
  equal(
    offered("attr.customer|", [{ value: "customer.plan", count: 3 }, {
      value: "customer x",
      count: 2,
    }]),
    [
      "attr.customer.plan:",
      'attr."customer x":',
    ],
  );
});

Deno.test("an offer stands in place of what was typed", () => {
  equal(accepted("ser|", "service:"), "service:|");
  equal(accepted("ser|vice:shop x", "service:"), "service:|shop x");
  equal(
    accepted("service:sh| x", "shop", [{ value: "shop", count: 1 }]),
    "service:shop| x",
  );
  equal(accepted("status:|", "ok"), "status:ok |");
  equal(accepted("status:|error x", "ok"), "status:ok| x");
  equal(accepted("(status:e|)", "error"), "(status:error|)");
});

Deno.test("values are asked for in the spans of the rest", () => {
  /** @param {string} marked */
  const asked = (marked) => {
    const [text, at] = cursor(marked);
    return questionAt(text, placeAt(text, at), known);
  };
  equal(asked("status:error service:sh|"), {
    field: "service",
    prefix: "sh",
    q: "status:error",
  });
  equal(asked('service:"a b|'), { field: "service", prefix: "a b", q: "" });
  equal(asked("x OR service:sh|"), { field: "service", prefix: "sh", q: "" });
  equal(asked("attr.cust|"), { field: "attr", prefix: "cust", q: "" });
  equal(asked('attr."a b":x|'), { field: "attr.a b", prefix: "x", q: "" });
  equal([
    asked("status:|"),
    asked("trace:4|"),
    asked("nothing:|"),
    asked("score.a:|"),
    asked("ser|"),
  ], [
    null,
    null,
    null,
    null,
    null,
  ]);
});

Deno.test("a fault is at a token, whatever characters are before it", () => {
  equal(faultAt("service:shop duration:>2", 24), { start: 23, end: 24 });
  equal(faultAt("a:b (", 6), { start: 5, end: 6 });
  equal(placeOfColumn("😀 a:b", 3), 3);
});

Deno.test("no text is too strange", () => {
  const pieces = [
    '"',
    "\\",
    "(",
    ")",
    "[",
    "]",
    ":",
    "-",
    "has:",
    "OR",
    "NOT",
    " ",
    "a",
    "attr.",
    "TO",
    "😀",
    "\0",
    "*",
    ">=",
  ];
  let seed = 7;
  const next = () => (seed = (seed * 48271) % 2147483647);
  for (let round = 0; round < 3000; round++) {
    const text = Array.from(
      { length: next() % 12 },
      () => pieces[next() % pieces.length],
    ).join("");
    for (let at = 0; at <= text.length; at++) {
      const place = placeAt(text, at);
      questionAt(text, place, known);
      for (const offer of offersAt(place, known).slice(0, 2)) {
        completed(text, place, offer);
      }
      faultAt(text, at + 1);
    }
    for (const { text: term } of termsOf(text)) {
      ok(withoutTerm(text, term).length <= text.length, text);
    }
    ok(
      tokensOf(text).every((each) => text.slice(each.start, each.end) === each.text),
      text,
    );
  }
  ok(tokensOf(`${"a:".repeat(50_000)}${'"'.repeat(50_001)}`).length > 1);
});
