"""Routes of the providers and their keys."""

from typing import Annotated

import attrs

from actors.errors import NotFound, Refused
from actors.playground.messages import ForgetProviderKey, ListProviders, ProviderState, SetProviderKey
from transports.http.api.models import PROVIDER
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import MaxLength, Pattern


@attrs.frozen(kw_only=True)
class NewProviderKey:
    """A provider's key to be kept. It is never shown again."""

    # Visible ASCII only, because the key is sent in an HTTP header.
    key: Annotated[str, Pattern("^[!-~]+$"), MaxLength(512)] = attrs.field(
        repr=False, metadata=described("Key that the provider gave you", "sk-proj-0123456789")
    )


@attrs.frozen(kw_only=True)
class ProviderAnswer:
    """A provider, and whether it can be called."""

    provider: str = attrs.field(metadata=described("Name of the provider", "openai"))
    configured: bool = attrs.field(metadata=described("Whether it can be asked", True))
    last4: str | None = attrs.field(metadata=described("The last four characters of its key", "6789"))

    @classmethod
    def of(cls, state: ProviderState) -> "ProviderAnswer":
        return cls(provider=state.provider, configured=state.configured, last4=state.last_four)


async def list_providers(call: Call[None, None]) -> list[ProviderAnswer]:
    return [ProviderAnswer.of(state) for state in await call.bus.ask(ListProviders())]


async def set_provider_key(call: Call[NewProviderKey, None]) -> ProviderAnswer:
    request = SetProviderKey(provider=call.path("provider"), key=call.body.key, by=call.by)
    return ProviderAnswer.of(await call.bus.ask(request))


async def delete_provider_key(call: Call[None, None]) -> ProviderAnswer:
    return ProviderAnswer.of(await call.bus.ask(ForgetProviderKey(provider=call.path("provider"), by=call.by)))


ROUTES = (
    Route(
        method="GET",
        path="/llm/providers",
        handler=list_providers,
        access=Access.ADMIN,
        answers=list[ProviderAnswer],
        tag="playground",
        summary="List the providers, and whether they can be asked",
    ),
    Route(
        method="PUT",
        path="/llm/providers/{provider}/key",
        handler=set_provider_key,
        access=Access.ADMIN,
        body=NewProviderKey,
        answers=ProviderAnswer,
        errors=(Refused,),
        path_parameters={"provider": PROVIDER},
        tag="playground",
        summary="Set the key of a provider; it is kept encrypted",
    ),
    Route(
        method="DELETE",
        path="/llm/providers/{provider}/key",
        handler=delete_provider_key,
        access=Access.ADMIN,
        answers=ProviderAnswer,
        errors=(Refused, NotFound),
        path_parameters={"provider": PROVIDER},
        tag="playground",
        summary="Drop the key that was set; the operator's counts again",
    ),
)
