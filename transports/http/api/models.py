"""Routes of the providers' models."""

import attrs

from actors.errors import ProviderFailed, Refused
from actors.playground.messages import ListModels
from actors.playground.providers.provider import Model
from transports.http.framework.route import Access, Call, Parameter, Route, described

PROVIDER = Parameter(description="openai, anthropic or gemini", example="openai")


@attrs.frozen(kw_only=True)
class ModelInfo:
    """A model that can be called. Unknown members are false or null."""

    id: str = attrs.field(metadata=described("Provider and model, as a request names it", "openai/gpt-4o"))
    provider: str = attrs.field(metadata=described("Name of the provider", "openai"))
    display_name: str = attrs.field(metadata=described("Name for people", "gpt-4o"))
    supports_reasoning: bool = attrs.field(metadata=described("Whether it takes a reasoning effort", False))
    supports_vision: bool = attrs.field(metadata=described("Whether it takes images", True))
    max_tokens: int | None = attrs.field(metadata=described("Size of its context, in tokens", 128000))

    @classmethod
    def of(cls, provider: str, model: Model) -> "ModelInfo":
        return cls(
            id=f"{provider}/{model.id}",
            provider=provider,
            display_name=model.display_name,
            supports_reasoning=bool(model.supports_reasoning),
            supports_vision=bool(model.supports_vision),
            max_tokens=model.max_tokens,
        )


@attrs.frozen(kw_only=True)
class ModelList:
    """The models of one provider."""

    models: list[ModelInfo] = attrs.field(
        metadata=described(
            "In the provider's order",
            [
                {
                    "id": "openai/gpt-4o",
                    "provider": "openai",
                    "display_name": "gpt-4o",
                    "supports_reasoning": False,
                    "supports_vision": True,
                    "max_tokens": 128000,
                }
            ],
        )
    )


async def list_provider_models(call: Call[None, None]) -> ModelList:
    provider = call.path("provider")
    models = await call.bus.ask(ListModels(provider=provider))
    return ModelList(models=[ModelInfo.of(provider, model) for model in models])


async def refresh_provider_models(call: Call[None, None]) -> ModelList:
    provider = call.path("provider")
    models = await call.bus.ask(ListModels(provider=provider, refresh=True))
    return ModelList(models=[ModelInfo.of(provider, model) for model in models])


ROUTES = (
    Route(
        method="GET",
        path="/llm/providers/{provider}/models",
        handler=list_provider_models,
        access=Access.SESSION,
        answers=ModelList,
        errors=(Refused, ProviderFailed),
        path_parameters={"provider": PROVIDER},
        tag="playground",
        summary="List the models of a provider, at most 15 minutes old",
    ),
    Route(
        method="POST",
        path="/llm/providers/{provider}/models/refresh",
        handler=refresh_provider_models,
        access=Access.SESSION,
        answers=ModelList,
        errors=(Refused, ProviderFailed),
        path_parameters={"provider": PROVIDER},
        tag="playground",
        summary="List the models of a provider as they are now",
    ),
)
