"""Routes of signing in and out."""

import attrs

from actors.errors import Throttled, Unauthenticated
from actors.session.messages import SignIn, SignOut
from transports.http.framework.answers import Message
from transports.http.framework.route import Access, Answer, Call, Route, described
from transports.http.framework.session_cookie import browser_of, cookies_in, delete_cookie, set_cookies
from transports.http.wire.accounts import Credentials


@attrs.frozen(kw_only=True)
class SignedInUser:
    """The signed-in user."""

    user_email: str = attrs.field(metadata=described("E-mail address of the user", "ada@example.com"))


async def sign_in(call: Call[Credentials, None]) -> Answer:
    request = SignIn(
        email=call.body.email, password=call.body.password, client=call.client, browser=browser_of(call.request)
    )
    signed_in = await call.bus.ask(request)
    return Answer(body=Message(message="signed in"), headers=set_cookies(call.config, signed_in))


async def sign_out(call: Call[None, None]) -> Answer:
    ended = [await call.bus.ask(SignOut(cookie=cookie, client=call.client)) for cookie in cookies_in(call.request)]
    return Answer(body=Message(message="signed out"), headers=(delete_cookie(call.config),) if any(ended) else ())


async def auth_test(call: Call[None, None]) -> SignedInUser:
    return SignedInUser(user_email=call.user.email)


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
