"""Models and parameters as the REST contract allows them (section 7); those that do not fit are listed as lost."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.conversation.form import Conversation
from actors.conversation.parameters import RESPONSE_FORMAT
from actors.playground.counts import count

_PROVIDERS = {
    "openai": "openai",
    "azure": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "gemini": "gemini",
    "gcp": "gemini",
    "vertex": "gemini",
    "vertexai": "gemini",
}
_MODELS = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude-": "anthropic",
    "gemini-": "gemini",
}
_NOT_IN_PROVIDER = re.compile(r"[^a-z_]")
_MODEL = re.compile(r"[a-z0-9._-]+")
_ANY_MODEL = re.compile(r"\S+")  # of a server under another base URL than OpenAI's own
_NOT_IN_MODEL = re.compile(r"[^a-z0-9._-]+")
_LONGEST_MODEL = 200  # characters
_LONGEST_VALUE = 80  # characters of a value that is shown
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
_MOST_STOPS = 4
_EFFORTS = ("minimal", "low", "medium", "high")
# How the answer is sent, and whom the provider is told that it is for; and what is carried over elsewhere.
_OF_NO_CONSEQUENCE = frozenset(("stream", "user", "safety_identifier", "prompt_cache_key", RESPONSE_FORMAT))
_DEFAULTS: Final[Mapping[str, tuple[object, ...]]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "n": (1,),
    "service_tier": ("auto", "default"),
    "tool_choice": ("auto", {"type": "auto"}),
    "parallel_tool_calls": (True,),
    "background": (False,),
    "truncation": ("disabled",),
    "verbosity": ("medium",),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "thinking": ({"type": "disabled"},),
    "encoding_formats": (["float"], ["base64"]),
}


def fitting_model(said: Conversation, lost: list[str], *, any_openai_model: bool) -> tuple[str, str]:
    """Provider and model. One that is not served here keeps a similar name, so that a user sees it."""
    model = (said.model or "").removeprefix("models/")[:_LONGEST_MODEL]
    named = (said.provider or "").lower()
    provider = _PROVIDERS.get(re.split(r"[._ -]", named)[0]) or _provider_of(model)
    if provider is None:
        lost.append(f"provider {named or '(none named)'}: not served here")
        provider = _NOT_IN_PROVIDER.sub("_", named) or "unknown"
    form = _ANY_MODEL if any_openai_model and provider == "openai" else _MODEL
    if not form.fullmatch(model):
        lost.append(f"model {model!r}: not a name that may be asked for here" if model else "model: none named")
        model = _NOT_IN_MODEL.sub("-", model.lower()).strip("-")
    return provider, model or "unknown"


def fitting_parameters(parameters: Mapping[str, Any], lost: list[str]) -> dict[str, Any]:
    """The parameters that fit, by the names of ``Prompt``. The others are lost, unless they change nothing."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        fit = _FITTING.get(name)
        if fit is not None:
            fitted = fit(value)
            if fitted is None:
                lost.append(f"parameter {name}: {_shown(value)} is not allowed here")
            else:
                found[name] = fitted
        elif name not in _OF_NO_CONSEQUENCE and value not in _DEFAULTS.get(name, ()):
            lost.append(f"parameter {name}")
    return found | _answer_form(parameters.get(RESPONSE_FORMAT), lost)


def _answer_form(form: object, lost: list[str]) -> dict[str, Any]:
    if not isinstance(form, Mapping):
        return {}
    schema = form.get("schema")
    if isinstance(schema, Mapping):
        return {"json_mode": True, "json_schema": schema}
    if schema is not None:
        lost.append("the schema of the answer: nested too deep")
    return {"json_mode": True}


def _provider_of(model: str) -> str | None:
    return next((provider for prefix, provider in _MODELS.items() if model.startswith(prefix)), None)


def _shown(value: object) -> str:
    shown = repr(value[:_LONGEST_VALUE] if isinstance(value, str | list) else value)
    return shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + "…"


def _up_to(most: float) -> Callable[[object], float | None]:
    def fit(value: object) -> float | None:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if 0 <= value <= most else None

    return fit


def _count(value: object) -> int | None:
    return count(value) or None


def _stops(value: object) -> tuple[str, ...] | None:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS or not all(isinstance(stop, str) for stop in stops):
        return None
    return tuple(stops)


def _effort(value: object) -> str | None:
    return value if isinstance(value, str) and value in _EFFORTS else None


_FITTING: Final[Mapping[str, Callable[[object], Any]]] = {
    "temperature": _up_to(2),
    "top_p": _up_to(1),
    "max_tokens": _count,
    "stop": _stops,
    "reasoning_effort": _effort,
}
