"""Where the application and a request keep what the HTTP side needs."""

from aiohttp import web

from actors.runtime.bus import Bus
from actors.session.messages import CheckedSession
from transports.http.config import HttpConfig

BUS = web.AppKey("bus", Bus)
CONFIG = web.AppKey("config", HttpConfig)
DOCUMENT = web.AppKey("document", bytes)  # OpenAPI, as JSON text
REQUEST_ID = web.RequestKey("request_id", str)
CHECKED_SESSION = web.RequestKey("checked_session", CheckedSession)
