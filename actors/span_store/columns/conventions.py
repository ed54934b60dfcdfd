"""The conventions of all senders in one table: which attributes say what a span is and what a model call took.

Raw attributes are stored as they came and never rewritten; the table says what is promoted to columns of its own. Its
``VERSION`` changes with it.

Sources: OpenTelemetry's GenAI conventions (present names first, then those before v1.37), OpenInference, OpenLLMetry,
Vercel AI SDK 6 and 7, Langfuse, MLflow, LangSmith, LiteLLM, Logfire and Pydantic AI, Strands, Google ADK, OpenLIT,
Spring AI, and Junjo's own attributes before and since 0.63; recordings of most of them are in ``tests/recordings``.
"""

from collections.abc import Callable, Mapping
from enum import Enum

import attrs

from actors.span_store.columns.model_names import (
    after,
    finish_reason_word,
    haystack_component,
    model_name,
    provider_word,
    unquoted,
)

VERSION = 4

MODEL_CALLS = ("llm", "embedding")  # types of spans that stand for a call of a model


class Kind(Enum):
    """The type of a column's values."""

    TEXT = "text"
    ID = "id"  # a text, or a whole number as one: programs have both
    COUNT = "count"  # a whole number that is not negative
    AMOUNT = "amount"  # any finite number
    DURATION = "duration"  # whole nanoseconds


@attrs.frozen
class Source:
    """An attribute that may have a column's value.

    ``path`` leads into an attribute that is an object, or JSON or Python text of one; digits count in arrays. ``words``
    and ``word_of`` translate values; others are none then. ``unit`` is that of a duration, in nanoseconds, and
    ``whole_unit`` that of a whole number, where it is another. Lists count as their JSON text.
    """

    key: str
    path: tuple[str, ...] = ()
    words: Mapping[str, str] | None = None
    word_of: Callable[[str], str | None] | None = None
    unit: float = 1.0
    whole_unit: float | None = None


@attrs.frozen
class Column:
    """A promoted column: its sources, the best first. ``finish`` puts a text into its final form."""

    name: str
    kind: Kind
    sources: tuple[Source, ...]
    finish: Callable[[str], str | None] | None = None


def _plain(*keys: str) -> tuple[Source, ...]:
    return tuple(map(Source, keys))


def _deep(key: str, *members: str) -> tuple[Source, ...]:
    """The first of these members that is there."""
    return tuple(Source(key, tuple(member.split("."))) for member in members)


def _of_haystack(*members: str) -> tuple[Source, ...]:
    """What the first reply of a generator says of itself, or an embedder."""
    return tuple(
        Source(key, (*path, *member.split(".")))
        for key, path in (
            ("haystack.component.output", ("replies", "0", "meta")),
            ("haystack.component.output", ("meta",)),
            ("haystack.agent.step.llm.output", ("replies", "0", "meta")),
        )
        for member in members
    )


def _same(*words: str) -> dict[str, str]:
    """Words that are written in lower and in upper case, and by MLflow as JSON."""
    return {form: word for word in words for form in (word, word.upper(), f'"{word.upper()}"')}


_SECONDS, _MILLISECONDS = 1e9, 1e6  # nanoseconds

_JUNJO_TYPES = {word: word for word in ("workflow", "subflow", "node", "run_concurrent", "agent")}
# Model requests of Junjo's agents have no type: has_llm of the contract's recordings does not list them.
_JUNJO_OPERATIONS = {"tool": "tool"}
_OPEN_INFERENCE = _same(
    "llm", "embedding", "tool", "agent", "chain", "retriever", "reranker", "guardrail", "evaluator", "prompt"
)
_GEN_AI_OPERATIONS = {
    **dict.fromkeys(("chat", "text_completion", "completion", "generate_content", "responses"), "llm"),
    **dict.fromkeys(("embeddings", "embedding"), "embedding"),
    **dict.fromkeys(("invoke_agent", "create_agent", "execute_event_loop_cycle"), "agent"),
    **dict.fromkeys(("invoke_workflow", "execute_task", "plan", "agent_step"), "chain"),
    "execute_tool": "tool",
    "retrieval": "retriever",
}
_TRACELOOP = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_TRACELOOP_REQUESTS = {
    **dict.fromkeys(("chat", "completion"), "llm"),
    "embedding": "embedding",
    "rerank": "reranker",
}
_VERCEL = {
    **dict.fromkeys(
        (
            "ai.generateText.doGenerate",
            "ai.streamText.doStream",
            "ai.generateObject.doGenerate",
            "ai.streamObject.doStream",
        ),
        "llm",
    ),
    **dict.fromkeys(("ai.embed.doEmbed", "ai.embedMany.doEmbed"), "embedding"),
    **dict.fromkeys(("ai.generateText", "ai.streamText"), "agent"),
    **dict.fromkeys(("ai.generateObject", "ai.streamObject", "ai.embed", "ai.embedMany", "ai.rerank"), "chain"),
    "ai.rerank.doRerank": "reranker",
    "ai.toolCall": "tool",
}
_LANGFUSE = {"generation": "llm", **_same("embedding", "tool", "agent", "chain", "retriever", "evaluator", "guardrail")}
_MLFLOW = {
    **_same("llm", "embedding", "tool", "agent", "chain", "retriever", "reranker", "evaluator", "guardrail"),
    '"CHAT_MODEL"': "llm",
    '"WORKFLOW"': "chain",
    '"TASK"': "chain",
}
_LANGSMITH = {**_same("llm", "embedding", "tool", "chain", "retriever", "prompt"), "parser": "chain"}

_AGENTS_SDK = {
    "Agent run: {name!r}": "agent",
    "Function: {name}": "tool",
    "Chat completion with {gen_ai.request.model!r}": "llm",
    "Responses API": "llm",
    "Responses API with {gen_ai.request.model!r}": "llm",
    "Guardrail {name!r} {triggered=}": "guardrail",
    "Handoff: {from_agent} → {to_agent}": "chain",
    "OpenAI Agents trace: {name}": "workflow",
}

_LANGFUSE_USAGE = "langfuse.observation.usage_details"
_MLFLOW_USAGE, _MLFLOW_ANSWER = "mlflow.chat.tokenUsage", "mlflow.spanOutputs"
_LITELLM_USAGE, _RAW_USAGE, _JUNJO_USAGE = "metadata.usage_object", "gen_ai.usage.raw", "junjo.agent.model.usage"
_LANGSMITH_USAGE = "langsmith.metadata.usage_metadata"
_ADK_ANSWER = "gcp.vertex.agent.llm_response"
# What Pydantic AI hands on of Anthropic's own numbers.
RAW_INPUT_DETAIL = "gen_ai.usage.details.input_tokens"

_TYPE = (
    Source("junjo.span_type", words=_JUNJO_TYPES),
    Source("junjo.agent.operation_type", words=_JUNJO_OPERATIONS),
    Source("openinference.span.kind", words=_OPEN_INFERENCE),
    Source("ai.operationId", words=_VERCEL),
    Source("langfuse.observation.type", words=_LANGFUSE),
    Source("mlflow.spanType", words=_MLFLOW),
    Source("langsmith.span.kind", words=_LANGSMITH),
    Source("gen_ai.operation.name", words=_GEN_AI_OPERATIONS),
    Source("llm.request.type", words=_TRACELOOP_REQUESTS),
    Source("traceloop.span.kind", words=_TRACELOOP),
    # Logfire, of OpenAI's Agents SDK.
    Source("logfire.msg_template", words=_AGENTS_SDK),
    Source("sdk_span_type", words={"turn": "chain", "task": "chain"}),
    # OpenLLMetry, of OpenAI's responses.
    Source("gen_ai.completion.0.role", word_of=lambda _: "llm"),
    # Google's ADK before 2; with content it says {} of tools.
    Source("gcp.vertex.agent.llm_request", word_of=lambda text: None if text == "{}" else "llm"),
    Source("gen_ai.system", words={"gcp.vertex.agent": "llm"}),
    # Pydantic AI before 2, whose agents carry sums.
    Source("pydantic_ai.all_messages", word_of=lambda _: "agent"),
    Source("all_messages_events", word_of=lambda _: "agent"),
    Source("tool_arguments", word_of=lambda _: "tool"),
    # Haystack's own tracer says what a span is by which attributes it has.
    Source("haystack.component.type", word_of=haystack_component),
    Source("haystack.tool.name", word_of=lambda _: "tool"),
    Source("haystack.agent.step.llm.input", word_of=lambda _: "llm"),
    Source("haystack.agent.exit_conditions", word_of=lambda _: "agent"),
    Source("haystack.pipeline.execution_mode", word_of=lambda _: "chain"),
)
_REQUEST_MODEL = (
    *_plain("gen_ai.request.model", "llm.request.model_name", "ai.model.id", "junjo.agent.model.name"),
    *_deep("mlflow.spanInputs", "model"),
)
_MODEL = (
    *_plain("gen_ai.response.model", "llm.response.model_name", "ai.response.model"),
    *_plain("langfuse.observation.model.name", "mlflow.llm.model"),
    *_plain("gen_ai.request.model", "llm.request.model_name", "llm.model_name"),
    *_plain("ai.model.id", "embedding.model_name", "junjo.agent.model.name"),
    *_deep("llm.invocation_parameters", "model", "model_name"),
    *_deep("mlflow.spanInputs", "model"),
    *_deep("input.value", "model"),
    *_of_haystack("model"),
)
_PROVIDER = (
    *_plain("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    *_plain("junjo.agent.model.provider", "mlflow.llm.provider", "traceloop.association.properties.ls_provider"),
)
_INPUT_TOKENS = (
    *_plain("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    *_plain("llm.usage.prompt_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
    *_deep(_LANGFUSE_USAGE, "input", "prompt_tokens", "input_tokens"),
    *_deep(_MLFLOW_USAGE, "input_tokens"),
    *_deep(_JUNJO_USAGE, "inputTokens"),
    *_deep("output.value", "meta.usage.prompt_tokens"),  # of Haystack's embedders in OpenInference
    *_of_haystack("usage.prompt_tokens", "usage.input_tokens"),
    *_deep(_MLFLOW_ANSWER, "usage.prompt_tokens"),
    *_deep("usage", "input_tokens"),
    Source(RAW_INPUT_DETAIL),
)
_OUTPUT_TOKENS = (
    *_plain("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    *_plain("llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"),
    *_deep(_LANGFUSE_USAGE, "output", "completion_tokens", "output_tokens"),
    *_deep(_MLFLOW_USAGE, "output_tokens"),
    *_deep(_JUNJO_USAGE, "outputTokens"),
    *_of_haystack("usage.completion_tokens", "usage.output_tokens"),
    *_deep("usage", "output_tokens"),
    *_plain("gen_ai.usage.details.output_tokens"),
)
_CACHE_READ_TOKENS = (
    *_plain("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    *_plain("gen_ai.usage.cache_read_tokens", "gen_ai.usage.details.cache_read_tokens"),
    *_plain("gen_ai.usage.details.cache_read_input_tokens"),
    *_plain("llm.token_count.prompt_details.cache_read"),
    *_plain("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
    *_deep(_LANGFUSE_USAGE, "cache_read_input_tokens", "input_cached_tokens", "prompt_tokens_details.cached_tokens"),
    *_deep(_LANGFUSE_USAGE, "input_cache_read", "cache_read"),
    *_deep(_MLFLOW_USAGE, "cache_read_input_tokens", "cached_tokens"),
    *_deep(_LITELLM_USAGE, "prompt_tokens_details.cached_tokens", "cache_read_input_tokens"),
    *_deep(_LANGSMITH_USAGE, "input_token_details.cache_read"),
    *_deep(_JUNJO_USAGE, "cachedInputTokens"),
    *_of_haystack("usage.prompt_tokens_details.cached_tokens", "usage.cache_read_input_tokens"),
    *_deep(_ADK_ANSWER, "usage_metadata.cached_content_token_count"),
    *_deep("usage", "input_tokens_details.cached_tokens"),
)
_CACHE_WRITE_TOKENS = (
    *_plain("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    *_plain("gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    *_plain("gen_ai.usage.cache_write_tokens", "gen_ai.usage.details.cache_write_tokens"),
    *_plain("gen_ai.usage.details.cache_creation_input_tokens"),
    *_plain("llm.token_count.prompt_details.cache_write", "ai.usage.inputTokenDetails.cacheWriteTokens"),
    *_deep(_LANGFUSE_USAGE, "cache_creation_input_tokens", "input_cache_creation", "cache_write"),
    *_deep(_MLFLOW_USAGE, "cache_creation_input_tokens"),
    *_deep(_LITELLM_USAGE, "cache_creation_input_tokens", "prompt_tokens_details.cache_creation_tokens"),
    *_deep(_LANGSMITH_USAGE, "input_token_details.cache_creation"),
    *_deep("ai.response.providerMetadata", "anthropic.usage.cache_creation_input_tokens"),
)
_REASONING_TOKENS = (
    *_plain("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    *_plain("gen_ai.usage.details.reasoning_tokens", "llm.token_count.completion_details.reasoning"),
    *_plain("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    *_deep(_LANGFUSE_USAGE, "completion_tokens_details.reasoning_tokens", "output_reasoning_tokens"),
    *_deep(_LANGFUSE_USAGE, "output_tokens_details.reasoning_tokens", "output_reasoning"),
    *_deep(_MLFLOW_USAGE, "reasoning_tokens"),
    *_deep(_MLFLOW_ANSWER, "usage.completion_tokens_details.reasoning_tokens"),
    *_deep(_MLFLOW_ANSWER, "usage.output_tokens_details.reasoning_tokens"),
    *_deep(_LITELLM_USAGE, "completion_tokens_details.reasoning_tokens"),
    *_deep(_RAW_USAGE, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"),
    *_deep(_LANGSMITH_USAGE, "output_token_details.reasoning"),
    *_deep(_JUNJO_USAGE, "reasoningTokens"),
    *_of_haystack("usage.completion_tokens_details.reasoning_tokens"),
    *_deep(_ADK_ANSWER, "usage_metadata.thoughts_token_count"),
    *_deep("usage", "output_tokens_details.reasoning_tokens"),
)
_COST = (
    *_plain("llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.total_cost", "operation.cost"),
    *_deep("langfuse.observation.cost_details", "total"),
)
_SESSION = (
    *_plain("session.id", "gen_ai.conversation.id", "langfuse.session.id", "ai.telemetry.metadata.sessionId"),
    *_plain("traceloop.association.properties.session_id", "mlflow.trace.session", "langsmith.trace.session_id"),
    # The names that LangSmith itself groups threads by.
    *_plain("gcp.vertex.agent.session_id"),
    *_plain("langsmith.metadata.session_id", "langsmith.metadata.thread_id", "langsmith.metadata.conversation_id"),
)
_USER = (
    *_plain("user.id", "enduser.id", "langfuse.user.id", "ai.telemetry.metadata.userId"),
    *_plain("traceloop.association.properties.user_id", "mlflow.trace.user", "llm.user", "langsmith.metadata.user_id"),
)
_FINISH_REASON = (
    *_plain("gen_ai.response.finish_reasons", "llm.finish_reason", "ai.response.finishReason"),
    *_plain("anthropic.message.stop_reason", "gen_ai.response.finish_reason"),
    *_plain("langfuse.observation.metadata.finish_reason", "gen_ai.completion.0.finish_reason"),
    *_deep("gen_ai.completion", "generations.0.0.generation_info.finish_reason"),  # LangChain's, by LangSmith
    *_of_haystack("finish_reason"),
    *_deep(_MLFLOW_ANSWER, "choices.0.finish_reason", "status"),
)
_AGENT = (
    *_plain("gen_ai.agent.name", "agent.name", "junjo.agent.name", "ai.telemetry.functionId"),
    *_plain("langsmith.metadata.lc_agent_name", "agent_name"),
    Source("logfire.msg", word_of=after("Agent run: ")),
)
_TOOL = (
    *_plain("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "junjo.agent.tool.name", "haystack.tool.name"),
    Source("logfire.msg", word_of=after("Function: ")),
)
_FIRST_TOKEN = (
    Source("gen_ai.response.time_to_first_chunk", unit=_SECONDS),
    Source("gen_ai.response.time_to_first_token", unit=_SECONDS),
    Source("gen_ai.client.operation.time_to_first_chunk", unit=_SECONDS),
    Source("gen_ai.server.time_to_first_token", unit=_SECONDS, whole_unit=_MILLISECONDS),  # the latter are Strands'
    Source("ai.response.msToFirstChunk", unit=_MILLISECONDS),
)

# Where a sender passes on a provider's own total of input tokens, which leaves out what was cached: the provider that
# it does so for, or that total itself, to be compared with the sender's.
RAW_OF = Column("raw_of", Kind.TEXT, (Source("telemetry.sdk.name", words={"openlit": "anthropic"}),))
RAW_INPUT = Column("raw_input", Kind.COUNT, _deep("ai.response.providerMetadata", "anthropic.usage.input_tokens"))
# The same of output tokens, without thoughts.
RAW_OUTPUT = Column("raw_output", Kind.COUNT, _deep(_ADK_ANSWER, "usage_metadata.candidates_token_count"))
# In the order in which they stand in files.
COLUMNS: tuple[Column, ...] = (
    Column("junjo_span_type", Kind.TEXT, _plain("junjo.span_type")),
    Column("junjo_id", Kind.TEXT, _plain("junjo.id", "junjo.executable_runtime_id")),
    Column("junjo_parent_id", Kind.TEXT, _plain("junjo.parent_id", "junjo.parent_executable_runtime_id")),
    Column("openinference_span_kind", Kind.TEXT, _plain("openinference.span.kind")),
    Column("gen_ai_operation_name", Kind.TEXT, _plain("gen_ai.operation.name")),
    Column("model", Kind.TEXT, _MODEL, model_name),
    Column("provider", Kind.TEXT, _PROVIDER, provider_word),
    Column("input_tokens", Kind.COUNT, _INPUT_TOKENS),
    Column("output_tokens", Kind.COUNT, _OUTPUT_TOKENS),
    Column("cache_read_tokens", Kind.COUNT, _CACHE_READ_TOKENS),
    Column("cache_write_tokens", Kind.COUNT, _CACHE_WRITE_TOKENS),
    Column("reasoning_tokens", Kind.COUNT, _REASONING_TOKENS),
    Column("cost", Kind.AMOUNT, _COST),
    Column("session_id", Kind.ID, _SESSION, unquoted),
    Column("user_id", Kind.ID, _USER, unquoted),
    Column("type", Kind.TEXT, _TYPE),
    Column("request_model", Kind.TEXT, _REQUEST_MODEL, model_name),
    Column("agent", Kind.TEXT, _AGENT),
    Column("tool", Kind.TEXT, _TOOL),
    Column("finish_reason", Kind.TEXT, _FINISH_REASON, finish_reason_word),
    Column("error_type", Kind.TEXT, _plain("error.type")),
    Column("response_id", Kind.TEXT, _plain("gen_ai.response.id", "ai.response.id", "llm.response.id")),
    Column("prompt_name", Kind.TEXT, _plain("gen_ai.prompt.name", "langfuse.observation.prompt.name", "prompt.id")),
    Column(
        "prompt_version",
        Kind.ID,
        _plain("gen_ai.prompt.version", "langfuse.observation.prompt.version", "prompt.version"),
    ),
    Column("time_to_first_token_ns", Kind.DURATION, _FIRST_TOKEN),
)
