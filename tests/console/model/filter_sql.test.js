// @ts-check
import { sqlOf } from "../../../transports/http/console/model/filter_sql.js";
import { equal, ok } from "./assert.js";

const known = {
  fields: [
    ["name", [], "text", "Name of the span"],
    [
      "trace_id",
      ["trace"],
      "text",
      "Id of the trace: 32 hex digits, or the first of them",
    ],
    ["duration_ns", ["duration"], "duration", ""],
    ["tokens.input", [], "number", ""],
    ["cost_usd", ["cost"], "money", ""],
    ["start_time", ["start"], "time", ""],
    ["counted", [], "bool", ""],
  ].map(([name, aliases, kind, description]) => /** @type {any} */ ({
    name,
    aliases,
    kind,
    description,
    values: null,
    operators: [":"],
  })),
  prefixes: ["attr", "resource", "event", "score"],
};

/** What stands behind WHERE. @param {string} q */
function where(q) {
  const found = sqlOf({ q, of: "spans" }, known);
  return "why" in found ? found.why : /WHERE ([\s\S]*)\nORDER/.exec(found.sql)?.[1] ?? "";
}

Deno.test("conditions are said in SQL", () => {
  equal(where("name:a"), "name = 'a'");
  equal(where('name:"it\'s *"'), "name = 'it''s *'");
  equal(where("name:a_*?"), "name LIKE 'a!_%_' ESCAPE '!'");
  equal(where("trace:4BF"), "starts_with(trace_id, '4bf')");
  equal(where("duration:>1.5ms"), "duration_ns > 1500000");
  equal(where("tokens.input:[10 TO *]"), "(input_tokens >= 10)");
  equal(
    where("cost:<=$0.01 counted:true"),
    "cost_usd <= 0.01 AND counted = true",
  );
  equal(where("start:>now-1h"), "start_time > now() - INTERVAL 1 HOUR");
  equal(
    where("start:>=2026-11-30T07:00:00.5Z"),
    "start_time >= TIMESTAMP_NS '2026-11-30 07:00:00.5'",
  );
  equal(where("attr.a.b:>3"), "TRY_CAST((attributes ->> 'a.b') AS DOUBLE) > 3");
  equal(where('resource."a b":x'), "(resource ->> 'a b') = 'x'");
  equal(where("has:cost name:*"), "cost_usd IS NOT NULL AND name IS NOT NULL");
});

Deno.test("conditions are joined as in the filter", () => {
  equal(
    where("name:a OR name:b counted:true"),
    "(name = 'a' OR name = 'b' AND counted = true)",
  );
  equal(
    where("(name:a OR name:b) -has:cost"),
    "(name = 'a' OR name = 'b') AND NOT coalesce(cost_usd IS NOT NULL, false)",
  );
  equal(
    where("NOT (name:a name:b)"),
    "NOT coalesce((name = 'a' AND name = 'b'), false)",
  );
});

Deno.test("what cannot be said, is not", () => {
  for (
    const q of [
      "word",
      '"a phrase"',
      "event.name:x",
      "score.a:1",
      "(name:a",
      "name:a )",
      "duration:2",
      "tokens.input:[1 TO",
      "counted:x",
      "name:",
      "has:",
      "-",
    ]
  ) {
    ok("why" in sqlOf({ q, of: "spans" }, known), q);
  }
  ok(
    "why" in
      sqlOf(
        { q: `${"(".repeat(5000)}name:a${")".repeat(5000)}`, of: "spans" },
        known,
      ),
  );
});

Deno.test("a list of traces is one of traces with such a span", () => {
  const found = sqlOf({
    q: "name:a",
    of: "traces",
    from: "now-1d",
    service: "shop",
  }, known);
  ok(
    "sql" in found &&
      found.sql.includes(
        "FROM traces\nWHERE trace_id IN (\n  SELECT trace_id FROM spans\n  WHERE name = 'a'\n",
      ),
  );
  ok(
    "sql" in found &&
      found.sql.includes(
        "service = 'shop'\n    AND start_time >= now() - INTERVAL 1 DAY",
      ),
  );
  const all = sqlOf({ q: "", of: "traces" }, known);
  ok("sql" in all && !all.sql.includes("WHERE"));
});
