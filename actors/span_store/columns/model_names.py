"""One word for one thing: providers, models and finish reasons, whatever a sender calls them."""

import re
from collections.abc import Callable
from functools import lru_cache

import orjson

_MOST_KEPT = 4096  # different texts of each kind
_LONGEST = 1024  # characters; longer texts are no names

_PROVIDERS = {
    "anthropic": "anthropic",
    "aws.bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "azure": "azure.openai",
    "az.ai.openai": "azure.openai",
    "azure.ai.openai": "azure.openai",
    "azure_openai": "azure.openai",
    "azure-openai": "azure.openai",
    "azure.openai": "azure.openai",
    "az.ai.inference": "azure.ai.inference",
    "azure.ai.inference": "azure.ai.inference",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "generative-ai": "google",
    "google": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "groq": "groq",
    "ibm.watsonx.ai": "ibm.watsonx",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "ollama": "ollama",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "x_ai": "xai",
    "xai": "xai",
}
# Names of frameworks that stand where a provider should.
_NO_PROVIDERS = frozenset(
    (
        "strands-agents",
        "langchain",
        "langgraph",
        "agno",
        "crewai",
        "autogen",
        "pydantic_ai",
        "gcp.vertex.agent",
        "microsoft.agent_framework",
    )
)
_OF_MODELS = (
    (re.compile(r"(gpt-|o[1-9](-|$)|chatgpt|text-embedding-(3|ada)|davinci|babbage|dall-e|whisper)"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"(gemini|gemma|text-embedding-00|gemini-embedding)"), "google"),
    (re.compile(r"(mistral|mixtral|codestral|magistral|ministral)"), "mistral"),
    (re.compile(r"command-"), "cohere"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"grok"), "xai"),
)
_BEDROCK = re.compile(r"((us|eu|apac|global|jp|au)\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai)\.")
_HAYSTACK_COMPONENTS = {
    "Generator": "llm",
    "Embedder": "embedding",
    "Retriever": "retriever",
    "Ranker": "reranker",
    "Agent": "agent",
    "Evaluator": "evaluator",
    "PromptBuilder": "prompt",
}
_FINISH_REASONS = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "completed", "eos", "finish_reason_stop"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "incomplete", "model_length"), "length"),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), "tool_calls"),
    **dict.fromkeys(
        ("content_filter", "safety", "refusal", "prohibited_content", "blocklist", "recitation"), "content_filter"
    ),
    **dict.fromkeys(("error", "failed", "other_error", "malformed_function_call"), "error"),
}


def unquoted(text: str) -> str | None:
    """A text, or the one that it says as JSON. Empty ones are none."""
    return (_json_text(text) if text.startswith('"') else text) or None


@lru_cache(_MOST_KEPT)
def model_name(text: str) -> str | None:
    """The name of a model without that of its provider."""
    name = unquoted(text)
    if name is None or len(name) > _LONGEST:
        return name
    name = name.removeprefix("models/")
    before, _, rest = name.partition("/")
    if rest and before.lower() in _PROVIDERS:
        name = rest
    return _BEDROCK.sub("", name, count=1) if _BEDROCK.match(name) else name


@lru_cache(_MOST_KEPT)
def provider_word(text: str) -> str | None:
    """The one word for a provider; unknown ones in lower case."""
    word = (unquoted(text) or "").lower()
    if word in _NO_PROVIDERS or not word:
        return None
    before, _, rest = word.partition(".")  # Vercel adds the API: openai.chat, anthropic.messages
    return _PROVIDERS.get(word) or (_PROVIDERS.get(before) if rest else None) or word


@lru_cache(_MOST_KEPT)
def provider_of_model(model: str) -> str | None:
    """The provider that makes a model, for senders that tell only the model."""
    return next((provider for name, provider in _OF_MODELS if name.match(model)), None)


@lru_cache(_MOST_KEPT)
def finish_reason_word(text: str) -> str | None:
    """The word for a finish reason, the first of a list; others as they were sent."""
    if text.startswith("["):
        text = _first_of(text) or ""
    reason = unquoted(text)
    return None if reason is None else _FINISH_REASONS.get(reason.lower().replace("-", "_"), reason)


def after(beginning: str) -> Callable[[str], str | None]:
    """The name behind these words, without quotes and without what went wrong; ``None`` for other texts."""

    def name(text: str) -> str | None:
        if not text.startswith(beginning):
            return None
        return text.removeprefix(beginning).partition(" failed: ")[0].strip("'") or None

    return name


@lru_cache(_MOST_KEPT)
def haystack_component(kind: str) -> str:
    """What a component of Haystack is, by the end of its class's name; a chain when that says nothing."""
    return next((word for end, word in _HAYSTACK_COMPONENTS.items() if kind.endswith(end)), "chain")


def _json_text(text: str) -> str:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return said if isinstance(said, str) else text


def _first_of(text: str) -> str | None:
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    first = items[0] if isinstance(items, list) and items else None
    return first if isinstance(first, str) else None
