// What the API takes and answers. Written by `python -m scripts.write_console_types`; do not edit it.

/** The account of the caller. */
export interface Account {
  /** Id of the user */
  id: string;
  /** E-mail address */
  email: string;
  /** What the user may do */
  role: "admin" | "member";
}

/** What an agent did. */
export interface AgentCounts {
  /** Requests and calls together */
  operations: number;
  /** Requests to its model */
  model_requests: number;
  /** Calls of tools */
  tool_calls: AgentToolCalls;
}

/** How much an agent may do. */
export interface AgentLimits {
  /** Requests to its model */
  model_requests: number;
  /** Calls of tools */
  tool_calls: number;
}

/** A run of an agent, in short. */
export interface AgentRun {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  agent_span_id: string;
  /** Who sent it */
  service: AgentService;
  /** What the application calls the agent */
  agent_key: string;
  /** What people call it */
  agent_name: string;
  /** The same for the same definition */
  structural_id: string;
  /** Of the definition in its process */
  definition_id: string;
  /** Of this run */
  runtime_id: string;
  /** UTC, six decimals and +00:00 */
  start_time: string;
  /** UTC, six decimals and +00:00 */
  end_time: string;
  /** Nanoseconds from start to end */
  duration_ns: number;
  /** How it ended */
  outcome: "completed" | "failed" | "cancelled";
  /** Why it ended */
  termination_reason: string;
  /** How much it may do */
  limits: AgentLimits;
  /** What it did */
  counts: AgentCounts;
  /** Tokens */
  usage: AgentUsage;
}

/** The service that sent a run. */
export interface AgentService {
  /** service.namespace; empty where there is none */
  namespace: string;
  /** service.name */
  name: string;
  /** service.version */
  version: string | null;
}

/** How far tool calls came; each number is at most the one before. */
export interface AgentToolCalls {
  /** That the model asked for */
  requested: number;
  /** That were allowed */
  admitted: number;
  /** That began */
  started: number;
  /** That answered */
  completed: number;
}

/** Tokens of a run. */
export interface AgentUsage {
  /** Answers of the model, with and without tokens */
  model_responses: number;
  /** Sums by inputTokens, outputTokens, cachedInputTokens, reasoningTokens and totalTokens, and of how many answers; what none said is not there */
  fields: Record<string, any>;
}

/** An alert and its state. */
export interface Alert {
  /** Id of the alert */
  id: string;
  /** What it is for */
  name: string;
  /** Filter of the spans that are meant */
  q: string;
  /** What is counted */
  of: "calls" | "spans" | "traces";
  /** What is compared */
  measure: "count" | "errors" | "error_rate" | "cost_usd" | "tokens.input" | "tokens.output" | "duration_ns.p95" | "time_to_first_token_ns.p95";
  /** How far back it looks */
  interval: "1m" | "5m" | "15m" | "1h" | "6h" | "1d";
  /** Above or below the threshold */
  op: ">" | "<";
  /** In US dollars, nanoseconds or a number */
  threshold: number;
  /** Where changes are sent; without its path for those who may not change it */
  webhook: string | null;
  /** Whom it belongs to */
  owner: AlertOwner;
  /** What it says */
  state: "ok" | "firing" | "no_data";
  /** What was found last; null where it is not known */
  value: number | null;
  /** When the state began */
  since: string;
  /** When it was checked last; null for not yet */
  checked_at: string | null;
}

/** A change of an alert's state. */
export interface AlertChange {
  /** When it was found */
  time: string;
  /** What the alert said from then on */
  state: "ok" | "firing" | "no_data";
  /** What was found; null where it is not known */
  value: number | null;
}

/** Changes of an alert. What is left out stays as it is. */
export interface AlertChanges {
  /** What it is for */
  name?: string;
  /** Filter of the spans that are meant, see docs/query.md; all without it */
  q?: string;
  /** What is counted: model calls, spans or traces */
  of?: "calls" | "spans" | "traces";
  /** What is compared: durations in nanoseconds, costs in US dollars */
  measure?: "count" | "errors" | "error_rate" | "cost_usd" | "tokens.input" | "tokens.output" | "duration_ns.p95" | "time_to_first_token_ns.p95";
  /** How far back it looks, from the minute of the check */
  interval?: "1m" | "5m" | "15m" | "1h" | "6h" | "1d";
  /** Fire while the value is above the threshold, or below it */
  op?: ">" | "<";
  /** What the value is compared with */
  threshold?: number;
  /** Where changes are sent: a URL of http or https without a user; null for nowhere */
  webhook?: string | null;
}

/** A page of the changes of an alert's state. */
export interface AlertHistory {
  /** Changes, the latest first */
  changes: AlertChange[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** The user who may change an alert; admins may too. */
export interface AlertOwner {
  /** Id of the user */
  id: string;
  /** E-mail address of the user */
  email: string;
}

/** All alerts. */
export interface Alerts {
  /** The alerts, the latest first */
  alerts: Alert[];
}

/** Several executions have the identity. */
export interface Ambiguous {
  /** What is wrong, for programs */
  code: "ambiguous_execution_identity";
  /** What is wrong, for people */
  message: string;
  /** How many; 1000 for more */
  match_count: number;
}

/** US dollars for a million tokens; null for cached tokens that cost what other input does. */
export interface Amounts {
  /** Of input that no cache had */
  input: number | null;
  /** Of output */
  output: number | null;
  /** Of input that a cache had */
  cache_read: number | null;
  /** Of input that a cache took */
  cache_write: number | null;
}

/** The model's message. */
export interface AnswerMessage {
  /** Always assistant */
  role: string;
  /** The answer */
  content: string;
  /** What the model wants called; left out when nothing */
  tool_calls?: ToolCallBody[] | null;
}

/** The actor of an entry. */
export interface AuditActor {
  /** Id of the user, or api_key: and that of the key */
  id: string;
  /** Their e-mail address, or that of the key's maker */
  email: string;
  /** Id of the key that stood in for a sign-in */
  key_id: string | null;
}

/** A page of the audit trail, newest first. */
export interface Audit {
  /** The entries */
  entries: AuditEntry[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** An entry of the audit trail. Members that an earlier version did not record are null. */
export interface AuditEntry {
  /** Id of the entry */
  id: string;
  /** When it was done, in UTC with nine decimals */
  time: string;
  /** What was done */
  action: string;
  /** To what kind of thing */
  resource_type: string;
  /** To which of them */
  resource_id: string | null;
  /** By whom */
  actor: AuditActor;
  /** From where */
  address: string | null;
  /** In which request */
  request_id: string | null;
  /** What came of it: ok, refused or failed */
  outcome: string;
  /** What more there is to say */
  details: Record<string, any>;
}

/** The last step that changed what is at a path. */
export interface Blame {
  /** JSON Pointer that was asked for */
  path: string;
  /** Number of the step; null when it is from the start */
  step: number | null;
  /** Span that recorded the step */
  span_id: string | null;
  /** Label of the node */
  node: string | null;
  /** What is there at the end; null when it was removed */
  value: any;
}

/** One alternative of the answer. */
export interface Choice {
  /** Always 0 */
  index: number;
  /** The model's turn */
  message: AnswerMessage;
  /** Why the answer ends */
  finish_reason: string | null;
}

/** The columns, which are stretches of time. */
export interface Columns {
  /** When the first begins, UTC, nine decimals; null when there is nothing */
  from: string | null;
  /** How long each is, in nanoseconds; null without any */
  step_ns: number | null;
  /** How many there are */
  count: number;
}

/** A node, as each of the two runs executed it. */
export interface ComparedNode {
  /** Label of the node */
  label: string;
  /** In this run; null when it did not run */
  a: NodeRun | null;
  /** In the other run; null when it did not run */
  b: NodeRun | null;
}

/** Spans of agents cannot be shown as runs. */
export interface Contradiction {
  /** What is wrong, for programs */
  code: string;
  /** What is wrong, for people */
  message: string;
  /** What is wrong with which */
  diagnostics: EvidenceIssue[];
}

/** The credentials of a sign-in. A password of any length may be wrong. */
export interface Credentials {
  /** E-mail address of the account */
  email: string;
  /** Password of the account */
  password: string;
}

/** The number of deleted spans. */
export interface Deleted {
  /** How many spans were deleted */
  deleted_spans: number;
}

/** What is different about some spans. */
export interface Differences {
  /** Spans of q that were looked at, at most 10000, drawn from all of them */
  count: number;
  /** Spans that they were compared with, as many at most */
  than_count: number;
  /** Those that differ most first, at most 50 */
  fields: FieldDifference[];
}

/** How many of each the sender left out. */
export interface Dropped {
  /** Attributes */
  attributes: number;
  /** Events */
  events: number;
  /** Links */
  links: number;
}

/** Quantiles of durations, in nanoseconds, within 2 %. */
export interface Durations {
  /** Half of them are no longer */
  p50: number;
  /** 90 % of them are no longer */
  p90: number;
  /** 95 % of them are no longer */
  p95: number;
  /** 99 % of them are no longer */
  p99: number;
}

/** The states of a run at its two ends, and how many steps are between. */
export interface Ends {
  /** State at the start; null when it is not known */
  start: any;
  /** State at the end as it was recorded, else after the last step */
  end: any;
  /** Number of steps */
  steps: number;
}

/** An error and its reason. */
export interface Error {
  /** The reason */
  detail: string;
}

/** Something that happened during the span. */
export interface Event {
  /** Name of the event */
  name: string;
  /** UTC, nine decimals */
  time: string;
  /** Attributes */
  attributes: Record<string, any>;
  /** How many the sender left out */
  dropped_attributes: number;
}

/** All spans of a trace, and what they prove of junjo's workflows and agents in it. */
export interface Evidence {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** Oldest first, each with all of its attributes */
  spans: (Record<string, any>)[];
  /** Workflows, subflows, nodes and agents, each with its stores and its integrity */
  executables_by_span_id: Record<string, any>;
  /** Model requests and tool calls of each agent, by their spans and in their order */
  operations_by_owner_runtime_id: Record<string, any>;
  /** Transitions of each store in their order, with the states before and after */
  stores_by_id: Record<string, any>;
  /** What started each executable, and what it started */
  relationships_by_owner_span_id: Record<string, any>;
  /** What is missing, contradicts itself or is not known */
  diagnostics: (Record<string, any>)[];
}

/** Something that is wrong with what was sent. */
export interface EvidenceIssue {
  /** For programs */
  code: string;
  /** Trace and span, then the attribute */
  path: string;
  /** For people */
  message: string;
}

/** A field of spans, as filters name it. */
export interface Field {
  /** Its name, that of the member of a span */
  name: string;
  /** Other names that it has */
  aliases: string[];
  /** What its values are, and so how they are written */
  kind: "text" | "number" | "duration" | "money" | "time" | "bool";
  /** What stands between it and a value */
  operators: string[];
  /** All values that it may have; null for any */
  values: string[] | null;
  /** What it says of a span */
  description: string;
}

/** A field that has other values on either side. */
export interface FieldDifference {
  /** A field of filters, or attr.KEY, or resource.KEY */
  field: string;
  /** From 0, no more different than by chance, to 1, no value in common */
  score: number;
  /** Those that differ most, at most 10 */
  values: ValueShares[];
}

/** All that a filter can name. */
export interface Fields {
  /** The fields */
  fields: Field[];
  /** Each stands before a dot and any key */
  prefixes: string[];
}

/** Where the states of the runs part. */
export interface FirstDifference {
  /** After this step, 0 for the start */
  step: number;
  /** JSON Pointer to what is different */
  path: string;
}

/** Quantiles of times to the first token, in nanoseconds, within 2 %. */
export interface FirstTokens {
  /** Half of them are no longer */
  p50: number;
  /** 95 % of them are no longer */
  p95: number;
}

/** A completion. */
export interface Generate {
  /** Id of the completion */
  id: string;
  /** Always chat.completion */
  object: string;
  /** When it was made, in Unix seconds */
  created: number;
  /** The model, as the provider calls it */
  model: string;
  /** One answer */
  choices: Choice[];
  /** Left out when the provider told none */
  usage?: Usage | null;
  /** What the model thought */
  reasoning_content?: string | null;
}

/** A prompt for a model. */
export interface GenerateRequest {
  /** Provider and model */
  model: string;
  /** The conversation so far */
  messages: MessageBody[];
  /** Sampling temperature */
  temperature?: number | null;
  /** Limit of the answer, in tokens */
  max_tokens?: number | null;
  /** Nucleus sampling */
  top_p?: number | null;
  /** Texts that end the answer */
  stop?: string[] | null;
  /** minimal, low, medium or high */
  reasoning_effort?: string | null;
  /** Limit of answer and reasoning together, in tokens */
  max_completion_tokens?: number | null;
  /** Answer in JSON */
  json_mode?: boolean | null;
  /** Schema of the answer; counts with json_mode */
  json_schema?: Record<string, any> | null;
  /** What the model may call */
  tools?: ToolBody[] | null;
  /** The span that this request was taken from */
  replay_of?: SpanReferenceBody | null;
}

/** What has the same values in the fields that are grouped by. */
export interface Group {
  /** The fields, by name; null where one is missing */
  key: Record<string, any>;
  /** All of it */
  total: Point;
  /** Each bucket; none without an interval */
  points: Point[];
}

/** The health of the service. Junjo's own client refuses any further member. */
export interface Health {
  /** ok or degraded */
  status: "ok" | "degraded";
  /** Version of the application */
  version: string;
  /** Name of the application */
  app_name: string;
}

/** The health of the service in detail. */
export interface HealthDetails {
  /** ok or degraded */
  status: "ok" | "degraded";
  /** Version of the application */
  version: string;
  /** Name of the application */
  app_name: string;
  /** What is wrong, a sentence each */
  problems: string[];
  /** The pull of spans, where there is one */
  ingestion: IngestionHealth | null;
  /** What the span store holds; null while it cannot be opened */
  store: StoreHealth | null;
  /** Users, sessions and keys: ok or degraded */
  accounts: "ok" | "degraded";
  /** The deletion of old spans */
  retention: RetentionHealth;
  /** What is being done now */
  background: JobHealth[];
}

/** How many spans each cell has. */
export interface HeatMap {
  /** Time */
  x: Columns;
  /** Values */
  y: Rows;
  /** For each column a list with the spans in each row, the lowest row first */
  counts: number[][];
  /** Those of them whose status is error */
  errors: number[][];
}

/** An image: base64 data with its media type, or one at a URL. */
export interface ImageBody {
  /** Media type of the data */
  media_type?: string | null;
  /** The image, as base64 */
  data?: string | null;
  /** Where the provider finds the image */
  url?: string | null;
}

/** The pull of spans from the external ingestion service. Counts are since the studio started. */
export interface IngestionHealth {
  /** Whether the latest pull succeeded */
  connected: boolean;
  /** Why it did not; empty otherwise */
  fault: string;
  /** Spans pulled and durable */
  stored: number;
  /** Rows that were no span, logged and passed */
  corrupt: number;
  /** Rows that still wait there, where the service says so */
  remaining: number | null;
}

/** Whether what is shown is all of the run. */
export interface Integrity {
  /** complete without any loss */
  verdict: "complete" | "partial";
  /** What is missing, a hundred at most */
  losses: Loss[];
}

/** A background job. */
export interface JobHealth {
  /** seal, text index, deletion, remap (columns) or costs (restated) */
  job: string;
  /** How much of it is done */
  done: number;
  /** How much of it there is */
  of: number;
}

/** An API key, in the reference's members. The secret is shown once, unless the operator has chosen otherwise. */
export interface Key {
  /** Id of the key */
  id: string;
  /** The whole key when it is made; later its first 6 and last 4 characters, or for its owner the whole key where JUNJO_REVEAL_API_KEYS is true */
  key: string;
  /** What the key is for */
  name: string;
  /** When the key was made */
  created_at: string;
}

/** The owner of a key. */
export interface KeyOwner {
  /** Id of the user */
  id: string;
  /** E-mail address of the user */
  email: string;
}

/** A pointer to another span. */
export interface Link {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  span_id: string;
  /** W3C trace state */
  trace_state: string | null;
  /** OTLP flags, whole */
  flags: number;
  /** Attributes */
  attributes: Record<string, any>;
}

/** Something of the run that is not there, or contradicts something else. */
export interface Loss {
  /** Kind of the loss, see docs/workflows.md */
  kind: string;
  /** A sentence for people */
  detail: string;
}

/** Confirmation of a change. */
export interface Message {
  /** What happened */
  message: string;
}

/** One message of a conversation. */
export interface MessageBody {
  /** Who speaks: system, user, assistant or tool */
  role: string;
  /** What is said */
  content: string;
  /** The tools that the assistant called */
  tool_calls?: ToolCallBody[] | null;
  /** Which call a tool message answers */
  tool_call_id?: string | null;
  /** The images of a user message, behind its text */
  images?: ImageBody[] | null;
}

/** A model that can be called. Unknown members are false or null. */
export interface ModelInfo {
  /** Provider and model, as a request names it */
  id: string;
  /** Name of the provider */
  provider: string;
  /** Name for people */
  display_name: string;
  /** Whether it takes a reasoning effort */
  supports_reasoning: boolean;
  /** Whether it takes images */
  supports_vision: boolean;
  /** Size of its context, in tokens */
  max_tokens: number | null;
}

/** The models of one provider. */
export interface ModelList {
  /** In the provider's order */
  models: ModelInfo[];
}

/** What somebody wants to be told of. */
export interface NewAlert {
  /** What it is for */
  name: string;
  /** Filter of the spans that are meant, see docs/query.md; all without it */
  q?: string;
  /** What is counted: model calls, spans or traces */
  of?: "calls" | "spans" | "traces";
  /** What is compared: durations in nanoseconds, costs in US dollars */
  measure: "count" | "errors" | "error_rate" | "cost_usd" | "tokens.input" | "tokens.output" | "duration_ns.p95" | "time_to_first_token_ns.p95";
  /** How far back it looks, from the minute of the check */
  interval: "1m" | "5m" | "15m" | "1h" | "6h" | "1d";
  /** Fire while the value is above the threshold, or below it */
  op: ">" | "<";
  /** What the value is compared with */
  threshold: number;
  /** Where changes are sent: a URL of http or https without a user; null for nowhere */
  webhook?: string | null;
}

/** A new alert, and the secret of its webhook, which is told this once. */
export interface NewAlertAnswer {
  /** Id of the alert */
  id: string;
  /** What it is for */
  name: string;
  /** Filter of the spans that are meant */
  q: string;
  /** What is counted */
  of: "calls" | "spans" | "traces";
  /** What is compared */
  measure: "count" | "errors" | "error_rate" | "cost_usd" | "tokens.input" | "tokens.output" | "duration_ns.p95" | "time_to_first_token_ns.p95";
  /** How far back it looks */
  interval: "1m" | "5m" | "15m" | "1h" | "6h" | "1d";
  /** Above or below the threshold */
  op: ">" | "<";
  /** In US dollars, nanoseconds or a number */
  threshold: number;
  /** Where changes are sent; without its path for those who may not change it */
  webhook: string | null;
  /** Whom it belongs to */
  owner: AlertOwner;
  /** What it says */
  state: "ok" | "firing" | "no_data";
  /** What was found last; null where it is not known */
  value: number | null;
  /** When the state began */
  since: string;
  /** When it was checked last; null for not yet */
  checked_at: string | null;
  /** The key of the signatures of its messages */
  secret: string;
}

/** US dollars for a million tokens. Cached tokens cost what other input does, unless they have a price. */
export interface NewAmounts {
  /** Of input that no cache had */
  input: number;
  /** Of output, with what is thought and not said */
  output: number;
  /** Of input that a cache had */
  cache_read?: number | null;
  /** Of input that a cache took */
  cache_write?: number | null;
}

/** A key to be created. The name is kept as given and need not be unique. */
export interface NewKey {
  /** What the key is for */
  name: string;
  /** What the key may do; ingest and read when left out */
  scopes?: ("ingest" | "read" | "play" | "sql" | "score" | "studio" | "backup")[];
}

/** An account to be created, with its role. */
export interface NewPerson {
  /** E-mail address, the name to sign in with */
  email: string;
  /** Password of 8 to 1024 characters */
  password: string;
  /** An admin also decides about people, keys and what is kept */
  role?: "admin" | "member";
}

/** A price for the calls of some models. */
export interface NewPrice {
  /** Name of the model, in which * is any text and ? a character */
  model: string;
  /** Only calls of this provider; of all when left out */
  provider?: string | null;
  /** Only calls that start at this time or later: RFC 3339, or such as now-7d */
  valid_from: string;
  /** US dollars for a million tokens */
  per_million: NewAmounts;
  /** Whether stored calls of that time are priced anew, in the background */
  restate?: boolean;
}

/** A provider's key to be kept. It is never shown again. */
export interface NewProviderKey {
  /** Key that the provider gave you */
  key: string;
}

/** The new role of a user. */
export interface NewRole {
  /** An admin also decides about people, keys and what is kept */
  role: "admin" | "member";
}

/** What somebody thinks of a trace. */
export interface NewScore {
  /** What is judged */
  name: string;
  /** A number or a word */
  value: number | string;
  /** Who judged: human, code or model */
  source: "human" | "code" | "model";
  /** The span that is meant; the trace as a whole when left out */
  span_id?: string | null;
  /** Why */
  comment?: string | null;
  /** One of your own, so that what is sent again counts once */
  id?: string | null;
}

/** An account to be created. */
export interface NewUser {
  /** E-mail address, the name to sign in with */
  email: string;
  /** Password of 8 to 1024 characters */
  password: string;
}

/** A key to be created, owned by the caller. */
export interface NewUserKey {
  /** What the key is for; names need not be unique */
  name: string;
  /** What the key may do; an admin alone may give backup */
  scopes?: ("ingest" | "read" | "play" | "sql" | "score" | "studio" | "backup")[];
  /** When the key ends: RFC 3339, or such as now+90d. Never when left out */
  expires_at?: string | null;
}

/** A new API key with its secret, which is shown this once, unless the operator has chosen otherwise. */
export interface NewUserKeyAnswer {
  /** Id of the key */
  id: string;
  /** What the key is for */
  name: string;
  /** First 6 and last 4 characters of the key */
  masked: string;
  /** What the key may do */
  scopes: ("ingest" | "read" | "play" | "sql" | "score" | "studio" | "backup")[];
  /** Whom it belongs to */
  owner: KeyOwner;
  /** When it was made */
  created_at: string;
  /** When it ends; null for never */
  expires_at: string | null;
  /** When it was used last; null for never */
  last_used_at: string | null;
  /** Whether it works */
  state: "live" | "expired";
  /** The whole key */
  key: string;
}

/** What a page of the console shows, to be kept under a name. */
export interface NewView {
  /** Its name; one's own view of this name and page is replaced */
  name: string;
  /** The page of the console that it is of */
  page?: "traces" | "live" | "sessions" | "dashboard" | "sql";
  /** The query of the page's address: filter, columns, order, range of time */
  parameters: string;
  /** Whether everybody sees it */
  shared?: boolean;
}

/** One execution of a node. */
export interface NodeRun {
  /** Its span */
  span_id: string;
  /** Nanoseconds; null while it runs */
  duration_ns: number | null;
  /** Sums of the model calls in it */
  tokens: Tokens | null;
  /** US dollars of its calls that have a price */
  cost_usd: number | null;
  /** What became of it */
  status: "ok" | "error" | "running" | "not_run";
  /** All that it did to the state of the run */
  patch: (Record<string, any>)[];
}

/** All groups behind the limit together. */
export interface Others {
  /** How many groups they are */
  groups: number;
  /** All of them */
  total: Point;
  /** Each bucket; none without an interval */
  points: Point[];
}

/** A trace as columns, for a picture of it. */
export interface Outline {
  /** Summary of all spans */
  trace: TraceSummary;
  /** How many spans the trace has */
  count: number;
  /** Earliest start */
  origin: string;
  /** There are more spans than rows: those are the first 200,000 */
  truncated: boolean;
  /** Names by their index */
  dictionaries: OutlineDictionaries;
  /** A value for each span */
  columns: OutlineColumns;
}

/** A value for each span, by start, then id. */
export interface OutlineColumns {
  /** 16 lower-case hex digits */
  span_id: string[];
  /** Row of the parent; -1 for a root, -2 for one that is not here */
  parent: number[];
  /** Microseconds since the origin */
  start_us: number[];
  /** Microseconds; null while it runs */
  duration_us: (number | null)[];
  /** Index of the name */
  name: number[];
  /** Index of the service */
  service: number[];
  /** Index of the type, -1 for none */
  type: number[];
  /** Index of the model, -1 for none */
  model: number[];
  /** Index of the status */
  status: number[];
  /** Tokens of the input */
  input_tokens: (number | null)[];
  /** Tokens of the output */
  output_tokens: (number | null)[];
  /** US dollars */
  cost_usd: (number | null)[];
  /** Whether the span stands for a model call */
  counted: boolean[];
  /** Events that are exceptions */
  errors: number[];
  /** Events */
  events: number[];
}

/** Names by their index, for the columns that have indices. */
export interface OutlineDictionaries {
  /** Names of spans */
  name: string[];
  /** Services */
  service: string[];
  /** Types */
  type: string[];
  /** Models */
  model: string[];
  /** Statuses */
  status: string[];
}

/** A place where the caller is signed in. Unknown members are null. */
export interface OwnSession {
  /** Id of the sign-in */
  id: string;
  /** When it began */
  created_at: string;
  /** When it was last used */
  last_seen_at: string;
  /** IP address that it was opened from */
  address: string | null;
  /** Program that opened it */
  user_agent: string | null;
  /** Whether this request uses it */
  current: boolean;
}

/** All places where the caller is signed in, the one that was used last first. */
export interface OwnSessions {
  /** Sign-ins that are alive, 100 at most */
  sessions: OwnSession[];
}

/** A new password for the caller's own account, proved by the current one, which may have any length. */
export interface PasswordChange {
  /** Password that is to be replaced */
  current_password: string;
  /** Password of 8 to 1024 characters */
  new_password: string;
}

/** The new password of a user, which replaces the current one. */
export interface PasswordOfUser {
  /** Password of 8 to 1024 characters */
  password: string;
}

/** All accounts. */
export interface People {
  /** In the order of their creation */
  users: Person[];
}

/** An account as admins see it. */
export interface Person {
  /** Id of the user */
  id: string;
  /** E-mail address */
  email: string;
  /** What the user may do */
  role: "admin" | "member";
  /** When the account was made */
  created_at: string;
  /** When the user last signed in; null for never, or before this was recorded */
  last_sign_in_at: string | null;
  /** Until when failed sign-ins keep people out of the account; null when they do not */
  locked_until: string | null;
  /** How many sign-ins of the user are live */
  sessions: number;
}

/** Sums of a bucket of time, or of all time that was asked for. */
export interface Point {
  /** When the bucket begins, UTC, nine decimals; null for all time */
  time: string | null;
  /** The bucket is cut by from, to or now: it may have more */
  partial: boolean;
  /** Calls, spans or traces */
  count: number;
  /** Those that failed */
  errors: number;
  /** Sums of the model calls; null when none was sent */
  tokens: Tokens | null;
  /** US dollars of the calls with a price; null when none has one */
  cost_usd: number | null;
  /** Model calls without a price */
  unpriced: number;
  /** Of what has ended; null without any */
  duration_ns: Durations | null;
  /** Of the model calls that say it; null without any, and of traces */
  time_to_first_token_ns: FirstTokens | null;
  /** Output tokens of model calls, from the first token on where it is known */
  tokens_per_second: Rates | null;
  /** Of the score that was asked for; null where no trace has one, else not there */
  score?: ScoreMean | null;
}

/** The answer to a ping. */
export interface Pong {
  /** Always pong */
  message: string;
}

/** What a rule would delete now. Spans that are in no file yet are not looked at. */
export interface Preview {
  /** Spans that would go */
  spans: number;
  /** Files that would go as a whole */
  files: number;
  /** What these files have */
  bytes: number;
  /** Start of the oldest span that would stay in a file; null for none */
  oldest_start: string | null;
  /** Why nothing goes for its age now, or null */
  waits: string | null;
}

/** A price that an admin has set. */
export interface Price {
  /** Id of the price */
  id: string;
  /** Pattern of the names of models */
  model: string;
  /** The provider; null for all */
  provider: string | null;
  /** The start of the first calls that have it */
  valid_from: string;
  /** US dollars for a million tokens */
  per_million: Amounts;
  /** When it was set */
  created_at: string;
}

/** The prices that admins have set, and the table behind them. */
export interface Prices {
  /** Prices, the latest first */
  prices: Price[];
  /** What counts beside them */
  table: Table;
}

/** A provider, and whether it can be called. */
export interface Provider {
  /** Name of the provider */
  provider: string;
  /** Whether it can be asked */
  configured: boolean;
  /** The last four characters of its key */
  last4: string | null;
}

/** Public configuration for the front end, before anyone has signed in. */
export interface PublicConfig {
  /** development or production */
  environment: string;
  /** Where SDKs send spans */
  otlp_endpoint: string;
  /** Public address of the front end, in production */
  frontend_url: string | null;
  /** Public address of this API, in production */
  backend_url: string | null;
}

/** Quantile of output tokens a second, within 2 %. */
export interface Rates {
  /** Half of the calls are no faster */
  p50: number;
}

/** What one sender does wrong, and what it has to set. */
export interface RefusedExport {
  /** Address that it came from */
  sender: string;
  /** What was wrong */
  fault: string;
  /** What to set */
  cure: string;
  /** Path of the latest; null where it did not come over HTTP */
  path: string | null;
  /** How often it came */
  times: number;
  /** When it came first */
  first_at: string;
  /** When it came last */
  last_at: string;
}

/** The exports that were refused lately. */
export interface RefusedExports {
  /** One for each sender and fault, the latest first; 100 at most, since the studio's start */
  refused: RefusedExport[];
}

/** A request, and the parts of the span that it does not carry. */
export interface Replay {
  /** Ready to be sent */
  request: GenerateRequest;
  /** What got lost, for people */
  not_carried_over: string[];
}

/** The span of an execution, and where people look at it. */
export interface Resolution {
  /** As it was asked for */
  service_namespace: string;
  /** As it was asked for */
  service_name: string;
  /** As it was asked for */
  executable_type: "workflow" | "subflow" | "agent";
  /** As it was asked for */
  runtime_id: string;
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  span_id: string;
  /** Path of the execution in the front end */
  detail_path: string;
  /** Path of its trace in the front end */
  trace_path: string;
  /** Path of what failed in it, in the front end */
  failure_path: string;
}

/** The deletion of old spans. */
export interface RetentionHealth {
  /** Why it does not delete what is due, if so */
  waiting: string | null;
}

/** The replacement of a key by a new one. */
export interface Rotation {
  /** How long the old key works beside the new one */
  overlap_seconds?: number;
}

/** The rows, which are ranges of values. */
export interface Rows {
  /** What the values are */
  field: "duration" | "cost" | "tokens";
  /** Nanoseconds, US dollars or tokens: where each row begins, and where the last one ends; none without any span that has a value */
  edges: number[];
}

/** Which spans are kept, and who says so. Null is no bound. */
export interface Rule {
  /** Spans that are older are deleted */
  days: number | null;
  /** `environment`, `settings`, or null */
  days_set_by: string | null;
  /** The most space for spans, in 10^9 bytes */
  gb: number | null;
  /** `environment`, `settings`, or null */
  gb_set_by: string | null;
}

/** Which spans are kept. Null is no bound. */
export interface RuleBody {
  /** Spans that are older are deleted */
  days?: number | null;
  /** The most space for spans, in 10^9 bytes: the oldest are deleted first */
  gb?: number | null;
}

/** A run of a workflow, a subflow or an agent. */
export interface Run {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  span_id: string;
  /** Name of the workflow or agent */
  name: string;
  /** What runs */
  kind: "workflow" | "subflow" | "agent";
  /** Graph as junjo drew it up to 0.62; null without one */
  graph: Record<string, any> | null;
  /** Nodes, in the order of the graph */
  nodes: RunNode[];
  /** Ways between them */
  edges: RunEdge[];
  /** States at both ends */
  state: Ends;
  /** Whether this is all of it */
  integrity: Integrity;
}

/** Two runs, node by node. */
export interface RunComparison {
  /** Those with one label side by side */
  nodes: ComparedNode[];
  /** null when the states are the same, or not known */
  first_difference: FirstDifference | null;
}

/** A way from node to node. */
export interface RunEdge {
  /** Node that it begins at */
  from: string;
  /** Node that it leads to */
  to: string;
  /** Name of its condition */
  condition: string | null;
  /** Whether the run went there; null when the spans do not tell */
  taken: boolean | null;
}

/** A node of the graph, or an operation of an agent, by its last execution. */
export interface RunNode {
  /** Its name in the graph; of an operation, its span */
  id: string;
  /** Span of the last execution; null without any */
  span_id: string | null;
  /** Class of the node; model_request or tool in an agent */
  type: string;
  /** Name for people */
  label: string;
  /** What became of it */
  status: "ok" | "error" | "running" | "not_run";
  /** UTC, nine decimals; null when it did not run */
  start: string | null;
  /** UTC, nine decimals; null while it runs */
  end: string | null;
  /** What went wrong, in the words of the sender */
  error: string | null;
  /** Nodes that it runs */
  children: string[];
  /** Span of the run that it is, which can be asked for by itself */
  subflow: string | null;
  /** How often it was executed */
  runs: number;
}

/** The state of a run after a step. */
export interface RunState {
  /** Number of the step, 0 for the start */
  step: number;
  /** The state; null when it is not known */
  state: any;
  /** JSON Patch that made it */
  patch: (Record<string, any>)[];
  /** Span that recorded the step */
  span_id: string;
  /** Label of the node; null for the run itself */
  node: string | null;
  /** UTC, nine decimals */
  time: string;
  /** Action of the store */
  action: string | null;
}

/** A step, without its state. */
export interface RunStep {
  /** Number of the step, from 1 */
  step: number;
  /** UTC, nine decimals */
  time: string;
  /** Span that recorded it */
  span_id: string;
  /** Label of the node; null for the run itself */
  node: string | null;
  /** Action of the store */
  action: string | null;
  /** Where it changed something, as JSON Pointers, a hundred at most */
  paths: string[];
}

/** All steps of a run. */
export interface RunSteps {
  /** In the order in which they were made */
  steps: RunStep[];
}

/** A saved view. */
export interface SavedView {
  /** Id of the view */
  id: string;
  /** Its name */
  name: string;
  /** The page of the console that it is of */
  page: "traces" | "live" | "sessions" | "dashboard" | "sql";
  /** The query of the page's address */
  parameters: string;
  /** Whether everybody sees it */
  shared: boolean;
  /** Who saved it */
  owner: ViewOwner;
  /** Whether that is the caller */
  own: boolean;
  /** When it was saved */
  created_at: string;
}

/** One's own views, and those that are shared. */
export interface SavedViews {
  /** By name */
  views: SavedView[];
}

/** The library that made the span. */
export interface Scope {
  /** Name of the library */
  name: string;
  /** Version of the library */
  version: string;
  /** Attributes */
  attributes: Record<string, any>;
}

/** A score of a trace. */
export interface Score {
  /** Id of the score */
  id: string;
  /** 32 lower-case hex digits */
  trace_id: string;
  /** The span that is meant; null for the whole trace */
  span_id: string | null;
  /** What was judged */
  name: string;
  /** A number or a word */
  value: number | string;
  /** Why */
  comment: string | null;
  /** Who judged */
  source: "human" | "code" | "model";
  /** UTC, nine decimals */
  created_at: string;
  /** Who sent it */
  by: ScoredBy;
}

/** The scores of one name that are numbers, of all traces that the calls, spans or traces are of. */
export interface ScoreMean {
  /** How many scores they are; each trace is asked once */
  count: number;
  /** Their mean */
  mean: number;
}

/** The scores of one name. */
export interface ScoreSummary {
  /** What was judged */
  name: string;
  /** Their mean, or the most frequent word */
  value: number | string;
  /** How many there are */
  count: number;
}

/** The user who sent a score, or whose key did. */
export interface ScoredBy {
  /** Id of the user, or api_key: and that of the key */
  id: string;
  /** Their e-mail address, or that of the key's owner */
  email: string;
  /** Id of the key that stood in for a sign-in */
  key_id: string | null;
}

/** The scores of a trace. */
export interface Scores {
  /** Oldest first, at most 500 */
  scores: Score[];
}

/** Name, version and health check of the service. */
export interface ServiceInfo {
  /** Name of the application */
  app: string;
  /** Version of the application */
  version: string;
  /** Path of the health check */
  health: string;
}

/** A conversation of an agent, by what all spans of its traces say. */
export interface Session {
  /** As the spans say it */
  session_id: string;
  /** Of the first turn that says one */
  user_id: string | null;
  /** Services of its spans, ascending, at most 20 */
  services: string[];
  /** How many traces belong to it */
  traces: number;
  /** How many turns it has: one for each trace */
  turns: number;
  /** UTC, nine decimals */
  start_time: string;
  /** Of what has ended */
  end_time: string | null;
  /** Sums of its model calls, each counted once; null when none was sent */
  tokens: Tokens | null;
  /** US dollars of the calls with a price; null when none has one */
  cost_usd: number | null;
  /** Calls without a price */
  unpriced: number;
  /** Spans with the status error */
  error_count: number;
  /** What went into the root of the first turn, in a line */
  preview: string | null;
}

/** A session and a page of its turns. */
export interface SessionTurns {
  /** All of its turns together */
  session: Session;
  /** Oldest first */
  turns: Turn[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** A page of sessions. */
export interface Sessions {
  /** The latest first */
  sessions: Session[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** The signed-in user. */
export interface SignedInUser {
  /** E-mail address of the user */
  user_email: string;
}

/** One span. Describes what ``span_documents`` makes of it; a test holds the two together. */
export interface Span {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  span_id: string;
  /** null for a root span */
  parent_span_id: string | null;
  /** Resource attribute service.name, or NO_SERVICE_NAME */
  service_name: string;
  /** Name of the span; may be empty */
  name: string;
  /** Span kind */
  kind: "UNSPECIFIED" | "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";
  /** UTC, six decimals and +00:00 */
  start_time: string;
  /** UTC, six decimals and +00:00 */
  end_time: string;
  /** OTLP number as text: 0 unset, 1 ok, 2 error */
  status_code: string;
  /** Text that came with the status */
  status_message: string;
  /** Attributes, flat, without those that a junjo column shows */
  attributes_json: Record<string, any>;
  /** Events in order */
  events_json: (Record<string, any>)[];
  /** Links to other spans */
  links_json: (Record<string, any>)[];
  /** OTLP span flags, whole */
  trace_flags: number;
  /** W3C trace state */
  trace_state: string | null;
  /** Id of the Junjo executable, or empty */
  junjo_id: string;
  /** Id of its parent, or empty */
  junjo_parent_id: string;
  /** Junjo span type, or empty */
  junjo_span_type: "workflow" | "subflow" | "node" | "run_concurrent" | "";
  /** State before the workflow; an empty object elsewhere */
  junjo_wf_state_start: any;
  /** State after the workflow; an empty object elsewhere */
  junjo_wf_state_end: any;
  /** Graph of the workflow; an empty object elsewhere */
  junjo_wf_graph_structure: any;
  /** Id of the workflow's store, or empty */
  junjo_wf_store_id: string;
}

/** Everything about one span. Values of more than 256 KB are their first 16 KB. */
export interface SpanDetail {
  /** Summary of the span */
  span: SpanSummary;
  /** Attributes; bytes are hex text */
  attributes: Record<string, any>;
  /** Events in order */
  events: Event[];
  /** Links to other spans */
  links: Link[];
  /** Attributes of what sent the span */
  resource: Record<string, any>;
  /** The library */
  scope: Scope;
  /** How many of each were left out */
  dropped: Dropped;
  /** Log records of the span, oldest first */
  logs: (Record<string, any>)[];
  /** What was asked and answered, in one form */
  messages: (Record<string, any>)[];
  /** Tools that the model had */
  tools: (Record<string, any>)[];
  /** Parameters of the request */
  parameters: Record<string, any>;
  /** What went into a span without messages */
  input: any;
  /** What came out of a span without messages */
  output: any;
  /** How the cost is made up */
  cost: Record<string, any> | null;
  /** Values of which only the beginning is shown */
  truncated: Truncated[];
}

/** A reference to a stored span. */
export interface SpanReferenceBody {
  /** Id of the trace */
  trace_id: string;
  /** Id of the span */
  span_id: string;
}

/** One span without its attributes. */
export interface SpanSummary {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** 16 lower-case hex digits */
  span_id: string;
  /** null for a root */
  parent_span_id: string | null;
  /** Name of the service, or NO_SERVICE_NAME */
  service: string;
  /** Name of the span; may be empty */
  name: string;
  /** Span kind */
  kind: "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
  /** What it is, whichever library sent it: llm, tool, agent … */
  type: string | null;
  /** UTC, nine decimals */
  start_time: string;
  /** UTC, nine decimals; null while it runs */
  end_time: string | null;
  /** Nanoseconds; null while it runs */
  duration_ns: number | null;
  /** Status of the span */
  status: "unset" | "ok" | "error";
  /** Text that came with the status */
  status_message: string;
  /** Type of the error, or of its last exception */
  error_type: string | null;
  /** Model that answered, else the one that was asked */
  model: string | null;
  /** Model that was asked */
  request_model: string | null;
  /** One word for each provider */
  provider: string | null;
  /** null when none was sent */
  tokens: Tokens | null;
  /** US dollars; null when it is not known */
  cost_usd: number | null;
  /** Who said the cost: reported by the sender, or computed */
  cost_source: string | null;
  /** It stands for a model call: all sums are those of such spans */
  counted: boolean;
  /** Conversation that it belongs to */
  session_id: string | null;
  /** User that it was for */
  user_id: string | null;
  /** Name of the agent */
  agent: string | null;
  /** Name of the tool */
  tool: string | null;
  /** stop, length, tool_calls, content_filter, error, else as it was sent */
  finish_reason: string | null;
  /** Nanoseconds */
  time_to_first_token_ns: number | null;
  /** Name of the prompt */
  prompt_name: string | null;
  /** Version of the prompt */
  prompt_version: string | null;
  /** Version of the service */
  version: string | null;
  /** Environment of the service */
  environment: string | null;
  /** What went in, in a line of 200 characters at most */
  input_preview: string | null;
  /** What came out, in a line */
  output_preview: string | null;
}

/** A page of a list of spans. */
export interface Spans {
  /** The spans, in order */
  spans: SpanSummary[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** A column of the answer. */
export interface SqlColumn {
  /** As the statement names it */
  name: string;
  /** As SQL says it */
  type: string;
}

/** A statement that can be run as it stands. */
export interface SqlExample {
  /** What it asks */
  title: string;
  /** The statement */
  sql: string;
}

/** The rows that a statement finds. */
export interface SqlRows {
  /** In their order */
  columns: SqlColumn[];
  /** A value for each column */
  rows: any[][];
  /** There are more rows than the limit */
  truncated: boolean;
  /** Milliseconds that it took */
  elapsed_ms: number;
}

/** All views, and some statements. */
export interface SqlSchema {
  /** What statements may read */
  views: View[];
  /** Statements to begin with */
  examples: SqlExample[];
}

/** A statement, and how many rows of what it finds are wanted in which format. */
export interface SqlStatement {
  /** One SELECT over the views, see docs/sql.md */
  sql: string;
  /** Most rows to answer */
  limit?: number;
  /** json, csv, arrow or parquet */
  format?: "json" | "csv" | "arrow" | "parquet";
}

/** What makes one state of another. */
export interface StateDifference {
  /** Step whose state is the first */
  from: number;
  /** Step whose state is the second */
  to: number;
  /** JSON Patch; empty when both are equal */
  patch: (Record<string, any>)[];
}

/** Sums by groups and over time. */
export interface Stats {
  /** What was counted */
  of: "calls" | "spans" | "traces";
  /** From when on, else the first start; null when there is nothing */
  from: string | null;
  /** Until when, else now */
  to: string;
  /** Length of the buckets */
  interval: string | null;
  /** Time zone of the buckets */
  tz: string;
  /** Largest first */
  groups: Group[];
  /** The groups behind the limit; null without any */
  other: Others | null;
}

/** The contents of the span store. */
export interface StoreHealth {
  /** Spans that are durable in the WAL and not flushed yet */
  recent_spans: number;
  /** What they take in memory */
  recent_bytes: number;
  /** Sealed files */
  segments: number;
  /** Their size */
  segment_bytes: number;
  /** Spans in them */
  sealed_spans: number;
}

/** The price table, which counts where no admin has set a price. */
export interface Table {
  /** package, or the file that the operator has given */
  source: string;
  /** Version of the package, or the first digits of a digest */
  version: string;
}

/** Tokens of a model call, or of several. */
export interface Tokens {
  /** Of the input, cached ones included */
  input: number | null;
  /** Of the output, reasoning included */
  output: number | null;
  /** Of the input, read from a cache */
  cache_read: number | null;
  /** Of the input, written to a cache */
  cache_write: number | null;
  /** Of the output, for reasoning */
  reasoning: number | null;
}

/** A function that the model may call. */
export interface ToolBody {
  /** Name of the function */
  name: string;
  /** What it does */
  description?: string;
  /** JSON schema of its parameters */
  parameters?: Record<string, any>;
}

/** A function call that the model asked for. */
export interface ToolCallBody {
  /** Id of the call */
  id: string;
  /** Name of the function */
  name: string;
  /** Arguments, as JSON text */
  arguments: string;
}

/** A trace and its spans. */
export interface Trace {
  /** Summary of all spans */
  trace: TraceSummary;
  /** Oldest first, at most 50,000 */
  spans: SpanSummary[];
  /** true when there are more spans */
  truncated?: boolean;
}

/** A trace by what all of its spans say. */
export interface TraceSummary {
  /** 32 lower-case hex digits */
  trace_id: string;
  /** The earliest span without a parent; null when none has come */
  root: SpanSummary | null;
  /** Name of the root; without one, of the earliest span */
  name: string;
  /** Service of the root; without one, of the earliest span */
  service: string;
  /** Services of its spans, ascending, at most 20 */
  services: string[];
  /** UTC, nine decimals */
  start_time: string;
  /** Of what has ended */
  end_time: string | null;
  /** Nanoseconds from the first start to the last end */
  duration_ns: number | null;
  /** How many spans it has */
  span_count: number;
  /** How many of them have the status error */
  error_count: number;
  /** error when the root or a counted model call failed */
  status: "ok" | "error";
  /** A root that ended is there */
  complete: boolean;
  /** Model calls, each counted once */
  llm_calls: number;
  /** Models of these calls, ascending, at most 20 */
  models: string[];
  /** Sums of these calls; null when none was sent */
  tokens: Tokens | null;
  /** US dollars of the calls with a price; null when none has one */
  cost_usd: number | null;
  /** Calls without a price */
  unpriced: number;
  /** Of the root, else of the earliest span that says one */
  session_id: string | null;
  /** Of the root, else of the earliest span that says one */
  user_id: string | null;
  /** Agents of its spans, ascending, at most 20 */
  agents: string[];
  /** Tools of its spans, ascending, at most 20 */
  tools: string[];
  /** What went into the root, in a line */
  input_preview: string | null;
  /** What came out of the root, in a line */
  output_preview: string | null;
  /** Scores by name */
  scores: ScoreSummary[];
}

/** A page of a list of traces. */
export interface Traces {
  /** The traces, in order */
  traces: TraceSummary[];
  /** For after, to go on; null at the end */
  next: string | null;
}

/** A value of which only the first 16 KB are shown; it is whole under ``…/attributes/KEY?in=``. */
export interface Truncated {
  /** attributes, resource, scope, event.N or link.N */
  in: string;
  /** Key of the attribute */
  key: string;
  /** Size of the whole value: of the text, or of its JSON */
  bytes: number;
}

/** A turn of a session, which is a trace. */
export interface Turn {
  /** Summary of all its spans */
  trace: TraceSummary;
  /** What went into its root, in a line */
  input: string | null;
  /** What came out, in a line */
  output: string | null;
}

/** Tokens, as the provider counted them. */
export interface Usage {
  /** Of the question, cached ones included */
  prompt_tokens: number;
  /** Of the answer, reasoning included */
  completion_tokens: number;
  /** Both together */
  total_tokens: number;
}

/** An account. */
export interface User {
  /** Id of the user */
  id: string;
  /** E-mail address */
  email: string;
  /** Whether the account may be used */
  is_active: boolean;
  /** When the account was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
}

/** An API key, without its secret. */
export interface UserKey {
  /** Id of the key */
  id: string;
  /** What the key is for */
  name: string;
  /** First 6 and last 4 characters of the key */
  masked: string;
  /** What the key may do */
  scopes: ("ingest" | "read" | "play" | "sql" | "score" | "studio" | "backup")[];
  /** Whom it belongs to */
  owner: KeyOwner;
  /** When it was made */
  created_at: string;
  /** When it ends; null for never */
  expires_at: string | null;
  /** When it was used last; null for never */
  last_used_at: string | null;
  /** Whether it works */
  state: "live" | "expired";
}

/** All keys that the caller may see. */
export interface UserKeys {
  /** Keys, newest first */
  keys: UserKey[];
}

/** Whether the studio has been set up. */
export interface UsersExist {
  /** Whether there is any user */
  users_exist: boolean;
}

/** All faults of a request, in the order of its fields. */
export interface Validation {
  /** The faults */
  detail: ValidationItem[];
}

/** One fault in a request. */
export interface ValidationItem {
  /** Kind of fault */
  type: string;
  /** Where it is */
  loc: (string | number)[];
  /** What is wrong */
  msg: string;
  /** What was sent; passwords are masked */
  input: any;
  /** Figures of the message */
  ctx?: Record<string, any>;
}

/** A value, or a key. */
export interface Value {
  /** Text, a number, true or false */
  value: any;
  /** How many spans have it */
  count: number;
}

/** A value, and how many of the spans have it. */
export interface ValueShares {
  /** Text, a number, true or false, or a range of numbers as a filter has it; null for spans without any */
  value: any;
  /** Of the spans of q, from 0 to 1 */
  share: number;
  /** Of the others, from 0 to 1 */
  than_share: number;
}

/** The values of a field. */
export interface Values {
  /** The field that was asked for */
  field: string;
  /** The most frequent first */
  values: Value[];
  /** Whether there are more values, or spans that were not looked at */
  more: boolean;
}

/** What a statement may read. */
export interface View {
  /** Its name */
  name: string;
  /** What its rows are */
  description: string;
  /** In the order of SELECT * */
  columns: ViewColumn[];
}

/** A column of a view. */
export interface ViewColumn {
  /** Its name */
  name: string;
  /** As SQL says it */
  type: string;
  /** What it says */
  description: string;
}

/** Who saved a view. */
export interface ViewOwner {
  /** Id of the user */
  id: string;
  /** E-mail address at that time */
  email: string;
}
