// @ts-check
/** What a program needs so that its spans come here: texts to copy, with the addresses and the key of this studio. */

/** @typedef {{ title: string, text: string }} Snippet */
/** @typedef {{ http: string, grpc: string, key: string }} Target `key` is a placeholder until there is one */
/** @typedef {import("./libraries.js").Library} Library */

const VARIABLES = [
  "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
  "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:1323",
  'OTEL_EXPORTER_OTLP_HEADERS="x-junjo-api-key=KEY"',
];

const PYTHON_PROVIDER = `\
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # sends where the variables say
trace.set_tracer_provider(provider)
`;

const NODE_PROVIDER = `\
import { NodeSDK } from '@opentelemetry/sdk-node';

new NodeSDK().start(); // sends where the variables say
`;

/** @param {Target} target @returns {Snippet[]} */
export const junjo = ({ http, grpc, key }) => [
  { title: "Shell", text: `pip install "junjo>=0.67"\nexport JUNJO_AI_STUDIO_API_KEY=${key}` },
  {
    title: "Program",
    text: `\
import os

from junjo.telemetry.junjo_otel_exporter import JunjoOtelExporter
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

exporter = JunjoOtelExporter(
    endpoint="${grpc}",
    api_key=os.environ["JUNJO_AI_STUDIO_API_KEY"],
    insecure=${http.startsWith("https:") ? "False" : "True"},
)
provider = TracerProvider(resource=Resource.create({"service.name": "my-workflow"}))
provider.add_span_processor(exporter.span_processor)
trace.set_tracer_provider(provider)

# ... run your workflows; before the program ends:
provider.shutdown()`,
  },
];

/** @param {Target} target @returns {Snippet[]} */
export const openTelemetry = (target) => [
  { title: "Shell", text: fitted(variables(VARIABLES), target, shellKey) },
  {
    title: "Python",
    text: `\
# pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
${PYTHON_PROVIDER}
with trace.get_tracer("example").start_as_current_span("think") as span:
    span.set_attribute("gen_ai.request.model", "some-model")

provider.shutdown()`,
  },
];

/** @param {Library} library @param {Target} target @returns {Snippet[]} */
export function ofLibrary(library, target) {
  const isPython = library.language === "python";
  const [packages, provider] = library.ownProvider
    ? ["", ""]
    : isPython
    ? [" opentelemetry-sdk opentelemetry-exporter-otlp-proto-http", `${PYTHON_PROVIDER}\n`]
    : [" @opentelemetry/sdk-node", `${NODE_PROVIDER}\n`];
  const shell = `${library.install}${packages}\n${variables(library.variables ?? VARIABLES)}`;
  return [
    { title: "Shell", text: fitted(shell, target, shellKey) },
    { title: isPython ? "Python" : "TypeScript", text: fitted(provider + library.setup, target, JSON.stringify) },
  ];
}

/** @param {Target} target @param {{ trace: string, span: string, now: number }} made ids in hex, and milliseconds @returns {Snippet[]} */
export const curl = ({ http, key }, { trace, span, now }) => [{
  title: "Shell",
  text: `\
curl ${http}/v1/traces -H 'x-junjo-api-key: ${key}' \\
  -H 'content-type: application/json' -d '{"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "by-hand"}}]},
    "scopeSpans": [{"spans": [{
      "traceId": "${trace}", "spanId": "${span}", "name": "hello", "kind": 1,
      "startTimeUnixNano": "${now - 1000}000000", "endTimeUnixNano": "${now}000000"}]}]}]}'`,
}];

/** @param {string[]} lines */
const variables = (lines) => ["OTEL_SERVICE_NAME=my-agent", ...lines].map((line) => `export ${line}`).join("\n");

/** @param {string} text */
const shellKey = (text) => text;

/** @param {string} text @param {Target} target @param {(key: string) => string} written how the key is written there */
const fitted = (text, { http, key }, written) =>
  text.replaceAll("http://localhost:1323", http).replace(/\bKEY\b/g, () => written(key));

/** The name of a library in an address. @param {Library} library */
export const slug = ({ title }) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
