"""Signing in and out."""

import attrs

from actors.audit_entry import Action, AuditEntry, Outcome, Resource
from actors.errors import Throttled, Unauthenticated
from actors.principal import Principal
from actors.session.messages import SignIn, SignOut
from transports.http.accounts import Credentials
from transports.http.answers import Message
from transports.http.refused import record_refusal
from transports.http.route import Access, Answer, Call, Route, described
from transports.http.session_cookie import cookies_in, delete_cookie, set_cookie


@attrs.frozen(kw_only=True)
class SignedInUser:
    """Who is signed in."""

    user_email: str = attrs.field(metadata=described("E-mail address of the user", "ada@example.com"))


async def sign_in(call: Call[Credentials, None]) -> Answer:
    request = SignIn(email=call.body.email, password=call.body.password, client=call.client)
    try:
        signed_in = await call.bus.ask(request)
    except Throttled:
        await record_refusal(call.bus, _refused(request))
        raise
    return Answer(body=Message(message="signed in"), headers=(set_cookie(call.config, signed_in),))


def _refused(request: SignIn) -> AuditEntry:
    """Whether there is such a user is not looked up: the answer must not take longer where there is one."""
    by = Principal(user_id="unknown", email=request.email, client=request.client)
    return AuditEntry(
        action=Action.SIGN_IN_FAILED, resource=Resource.SESSION, resource_id=None, by=by, outcome=Outcome.REFUSED
    )


async def sign_out(call: Call[None, None]) -> Answer:
    ended = [await call.bus.ask(SignOut(cookie=cookie, client=call.client)) for cookie in cookies_in(call.request)]
    return Answer(body=Message(message="signed out"), headers=(delete_cookie(call.config),) if any(ended) else ())


async def auth_test(call: Call[None, None]) -> SignedInUser:
    return SignedInUser(user_email=call.by.email)


ROUTES = (
    Route(
        method="POST",
        path="/sign-in",
        handler=sign_in,
        body=Credentials,
        answers=Message,
        errors=(Unauthenticated, Throttled),
        tag="sessions",
        summary="Sign in",
    ),
    Route(
        method="POST",
        path="/sign-out",
        handler=sign_out,
        answers=Message,
        tag="sessions",
        summary="Sign out, and end the session at once",
    ),
    Route(
        method="GET",
        path="/auth-test",
        handler=auth_test,
        access=Access.SESSION,
        answers=SignedInUser,
        tag="sessions",
        summary="Tell who is signed in",
    ),
)
