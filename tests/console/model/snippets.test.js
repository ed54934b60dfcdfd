// @ts-check
import { LIBRARIES } from "../../../transports/http/console/model/libraries.js";
import { exampleTrace } from "../../../transports/http/console/model/example_trace.js";
import { curl, junjo, ofLibrary, openTelemetry, slug } from "../../../transports/http/console/model/snippets.js";
import { equal, ok } from "./assert.js";

const target = {
  http: "https://studio.example:8443/prefix",
  grpc: "studio.example:50051",
  key: "a$&b",
};
const made = {
  trace: "0".repeat(31) + "1",
  span: "0".repeat(15) + "2",
  now: 1_764_500_000_000,
};

Deno.test("every library gets this studio's address and key, and nothing else's", () => {
  for (const library of LIBRARIES) {
    const text = ofLibrary(library, target).map((each) => each.text).join("\n");
    ok(
      text.includes("https://studio.example:8443/prefix"),
      `${library.title} has the address`,
    );
    ok(text.includes("a$&b"), `${library.title} has the key`);
    ok(!/localhost|\bKEY\b/.test(text), `${library.title} has no placeholder`);
    ok(
      library.ownProvider || /TracerProvider|NodeSDK/.test(text),
      `${library.title} has a provider`,
    );
  }
});

Deno.test("libraries have different names in addresses", () => {
  equal(new Set(LIBRARIES.map(slug)).size, LIBRARIES.length);
  ok(LIBRARIES.every((each) => /^[a-z0-9-]+$/.test(slug(each))));
});

Deno.test("a studio behind TLS is not asked for without it", () => {
  const texts = [junjo(target), openTelemetry(target), curl(target, made)].map((
    each,
  ) => each.map(({ text }) => text));
  ok(texts[0]?.join().includes("insecure=False"));
  ok(
    junjo({ ...target, http: "http://localhost:1323" })[1]?.text.includes(
      "insecure=True",
    ),
  );
  ok(texts.every((text) => text.join().includes("a$&b")));
});

Deno.test("what curl sends is JSON, and so is the example", () => {
  const [, body] = /-d '([^']+)'/.exec(curl(target, made)[0]?.text ?? "") ?? [];
  const [span] = JSON.parse(body ?? "").resourceSpans[0].scopeSpans[0].spans;
  equal([span.traceId, span.spanId, span.endTimeUnixNano], [
    made.trace,
    made.span,
    "1764500000000000000",
  ]);
  let count = 0;
  const trace = exampleTrace(
    (bytes) => String(++count).padStart(bytes * 2, "0"),
    made.now,
  );
  const spans = trace.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  equal(new Set(spans.map((each) => each.spanId)).size, spans.length);
  equal(spans.filter((each) => !each.parentSpanId).length, 1);
  ok(
    spans.every((each) => BigInt(each.startTimeUnixNano) <= BigInt(each.endTimeUnixNano)),
  );
});
