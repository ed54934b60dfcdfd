"""A prompt on the wire (contract, section 7). Tools and ``replay_of`` are our own additions."""

from typing import Annotated, Any

import attrs

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Image, Prompt, SpanReference, Tool, ToolCall
from transports.http.framework.route import described
from transports.http.framework.rules import Above, Between, MostItems, MostLevels, Pattern

_MODEL = "^[a-z_]+/[a-z0-9._-]+$"
_HEX_32 = "^[0-9a-f]{32}$"
_HEX_16 = "^[0-9a-f]{16}$"

ModelName = Annotated[str, Pattern(_MODEL)]
# Servers that speak OpenAI's wire have models like "hf.co/Qwen/Qwen3-8B:Q4".
AnyModelName = Annotated[str, Pattern(_MODEL, also=r"^openai/\S+$")]
TokenLimit = Annotated[int, Above(0)]
Fraction = Annotated[float, Between(0.0, 1.0)]
Temperature = Annotated[float, Between(0.0, 2.0)]
StopList = Annotated[tuple[str, ...], MostItems(4)]
JsonSchema = Annotated[dict[str, Any], MostLevels(100)]
Effort = Annotated[str, Pattern("^(minimal|low|medium|high)$")]
IMAGE = {"media_type": "image/png", "data": "iVBORw0KGgo="}  # for the document
TOOL_CALL = {"id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'}  # for the document


@attrs.frozen(kw_only=True)
class ToolCallBody:
    """A function call that the model asked for."""

    id: str = attrs.field(metadata=described("Id of the call", "call_1"))
    name: str = attrs.field(metadata=described("Name of the function", "weather"))
    arguments: str = attrs.field(metadata=described("Arguments, as JSON text", '{"city":"Oslo"}'))


@attrs.frozen(kw_only=True)
class ImageBody:
    """An image: base64 data with its media type, or one at a URL."""

    media_type: str | None = attrs.field(default=None, metadata=described("Media type of the data", "image/png"))
    data: str | None = attrs.field(default=None, metadata=described("The image, as base64", "iVBORw0KGgo="))
    url: str | None = attrs.field(
        default=None, metadata=described("Where the provider finds the image", "https://example.com/a.png")
    )


@attrs.frozen(kw_only=True)
class MessageBody:
    """One message of a conversation."""

    role: str = attrs.field(metadata=described("Who speaks: system, user, assistant or tool", "user"))
    content: str = attrs.field(metadata=described("What is said", "How far is the moon?"))
    tool_calls: tuple[ToolCallBody, ...] | None = attrs.field(
        default=None, metadata=described("The tools that the assistant called", [TOOL_CALL])
    )
    tool_call_id: str | None = attrs.field(
        default=None, metadata=described("Which call a tool message answers", "call_1")
    )
    images: tuple[ImageBody, ...] | None = attrs.field(
        default=None, metadata=described("The images of a user message, behind its text", [IMAGE])
    )


@attrs.frozen(kw_only=True)
class ToolBody:
    """A function that the model may call."""

    name: str = attrs.field(metadata=described("Name of the function", "weather"))
    description: str = attrs.field(default="", metadata=described("What it does", "Weather of a city"))
    parameters: JsonSchema = attrs.field(
        factory=dict, metadata=described("JSON schema of its parameters", {"type": "object"})
    )


@attrs.frozen(kw_only=True)
class SpanReferenceBody:
    """A reference to a stored span."""

    trace_id: Annotated[str, Pattern(_HEX_32)] = attrs.field(
        metadata=described("Id of the trace", "0af7651916cd43dd8448eb211c80319c")
    )
    span_id: Annotated[str, Pattern(_HEX_16)] = attrs.field(metadata=described("Id of the span", "b7ad6b7169203331"))


@attrs.frozen(kw_only=True, slots=False)
class _Model:
    """The first member of a request."""

    model: ModelName = attrs.field(metadata=described("Provider and model", "openai/gpt-4o"))


@attrs.frozen(kw_only=True, slots=False)
class _AnyModel:
    """The first member of a request, where OpenAI's base URL is another server's."""

    model: AnyModelName = attrs.field(metadata=described("Provider and model", "openai/qwen3:8b"))


@attrs.frozen(kw_only=True, slots=False)
class _Rest:
    """The other members of a request."""

    messages: tuple[MessageBody, ...] = attrs.field(
        metadata=described("The conversation so far", [{"role": "user", "content": "How far is the moon?"}])
    )
    temperature: Temperature | None = attrs.field(default=None, metadata=described("Sampling temperature", 0.7))
    max_tokens: TokenLimit | None = attrs.field(default=None, metadata=described("Limit of the answer, in tokens", 500))
    top_p: Fraction | None = attrs.field(default=None, metadata=described("Nucleus sampling", 0.9))
    stop: StopList | None = attrs.field(default=None, metadata=described("Texts that end the answer", ["END"]))
    reasoning_effort: Effort | None = attrs.field(
        default=None, metadata=described("minimal, low, medium or high", "low")
    )
    max_completion_tokens: TokenLimit | None = attrs.field(
        default=None, metadata=described("Limit of answer and reasoning together, in tokens", 2000)
    )
    json_mode: bool | None = attrs.field(default=False, metadata=described("Answer in JSON", False))
    json_schema: JsonSchema | None = attrs.field(
        default=None, metadata=described("Schema of the answer; counts with json_mode", {"type": "object"})
    )
    tools: tuple[ToolBody, ...] | None = attrs.field(
        default=None,
        metadata=described(
            "What the model may call",
            [{"name": "weather", "description": "Weather of a city", "parameters": {"type": "object"}}],
        ),
    )
    replay_of: SpanReferenceBody | None = attrs.field(
        default=None,
        metadata=described(
            "The span that this request was taken from",
            {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"},
        ),
    )


@attrs.frozen(kw_only=True, slots=False)
class GenerateRequest(_Rest, _Model):
    """A prompt for a model."""


@attrs.frozen(kw_only=True, slots=False)
class AnyModelRequest(_Rest, _AnyModel):
    """A prompt for a model, which may have a name of any form behind ``openai/``."""


def request_class(any_openai_model: bool) -> type[GenerateRequest] | type[AnyModelRequest]:
    return AnyModelRequest if any_openai_model else GenerateRequest


def prompt_in(request: GenerateRequest | AnyModelRequest) -> Prompt:
    """Convert a request to the playground's prompt."""
    provider, _, model = request.model.partition("/")
    origin = request.replay_of
    return Prompt(
        provider=provider,
        model=model,
        messages=tuple(map(_message, request.messages)),
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        top_p=request.top_p,
        stop=request.stop,
        reasoning_effort=request.reasoning_effort,
        max_completion_tokens=request.max_completion_tokens,
        json_mode=bool(request.json_mode),
        json_schema=request.json_schema,
        tools=tuple(
            Tool(name=tool.name, description=tool.description, parameters=tool.parameters)
            for tool in request.tools or ()
        ),
        replay_of=None if origin is None else SpanReference(trace_id=origin.trace_id, span_id=origin.span_id),
    )


def request_document(prompt: Prompt) -> dict[str, Any]:
    """Serialise a prompt as a request that can be sent; members without a value are left out."""
    members: dict[str, Any] = {
        "model": f"{prompt.provider}/{prompt.model}",
        "messages": [_message_document(message) for message in prompt.messages],
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
        "top_p": prompt.top_p,
        "stop": prompt.stop,
        "reasoning_effort": prompt.reasoning_effort,
        "max_completion_tokens": prompt.max_completion_tokens,
        "json_mode": prompt.json_mode,
        "json_schema": prompt.json_schema,
        "tools": [attrs.asdict(tool) for tool in prompt.tools] or None,
        "replay_of": None if prompt.replay_of is None else attrs.asdict(prompt.replay_of),
    }
    return {name: value for name, value in members.items() if value is not None}


def tool_call_document(call: ToolCall) -> dict[str, str]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _message(message: MessageBody) -> ChatMessage:
    calls = (ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls or ())
    return ChatMessage(
        role=message.role,
        content=message.content,
        tool_calls=tuple(calls),
        tool_call_id=message.tool_call_id,
        images=tuple(map(_image, message.images or ())),
    )


def _image(image: ImageBody) -> Image:
    if (image.url is None) is (image.data is None or image.media_type is None):
        raise Refused("An image has either a url, or data and its media_type")
    return Image(media_type=image.media_type, data=image.data, url=image.url)


def _image_document(image: Image) -> dict[str, str]:
    members = {"media_type": image.media_type, "data": image.data, "url": image.url}
    return {name: value for name, value in members.items() if value is not None}


def _message_document(message: ChatMessage) -> dict[str, Any]:
    document: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        document["tool_calls"] = [tool_call_document(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        document["tool_call_id"] = message.tool_call_id
    if message.images:
        document["images"] = [_image_document(image) for image in message.images]
    return document
