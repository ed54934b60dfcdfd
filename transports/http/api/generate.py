"""Route of a single generation: one prompt, one answer."""

from actors.errors import DeadlineExceeded, Overloaded, ProviderFailed, Refused, Throttled, TooLarge
from actors.playground.messages import Generate
from transports.http.framework.json_body import MOST_PROMPT_BYTES
from transports.http.framework.route import Access, Answer, Call, Route
from transports.http.wire.completions import GenerateAnswer, completion_document
from transports.http.wire.prompts import AnyModelRequest, GenerateRequest, prompt_in, request_class

_MARGIN_SECONDS = 5.0  # the run's own deadline comes first, and says more


async def generate(call: Call[GenerateRequest | AnyModelRequest, None]) -> Answer:
    request = Generate(prompt=prompt_in(call.body), by=call.by)
    result = await call.bus.ask(request, timeout=call.config.play.run_seconds + _MARGIN_SECONDS)
    return Answer(body=completion_document(result.completion), headers=(("X-Trace-Id", result.trace_id),))


def routes(*, any_openai_model: bool) -> tuple[Route, ...]:
    """The routes of a studio with OpenAI's own models, or of one with models of any name."""
    return (
        Route(
            method="POST",
            path="/llm/generate",
            handler=generate,
            access=Access.SESSION,
            body=request_class(any_openai_model),
            most_bytes=MOST_PROMPT_BYTES,
            answers=GenerateAnswer,
            errors=(Refused, TooLarge, Throttled, Overloaded, ProviderFailed, DeadlineExceeded),
            tag="playground",
            summary="Ask a model",
        ),
    )
