"""Where the application and a request keep what the HTTP side needs."""

from aiohttp import web

from actors.key_registry.messages import ApiKey
from actors.runtime.bus import Bus
from actors.session.messages import CheckedSession
from transports.http.access_log import AccessLog
from transports.http.config import HttpConfig
from transports.http.open_sockets import OpenSockets

ACCESS_LOG = web.AppKey("access_log", AccessLog)
BUS = web.AppKey("bus", Bus)
CONFIG = web.AppKey("config", HttpConfig)
DOCUMENT = web.AppKey("document", bytes)  # OpenAPI, as JSON text
REQUEST_ID = web.RequestKey("request_id", str)
SOCKETS = web.AppKey("sockets", OpenSockets)
CALLERS_KEY = web.RequestKey("callers_key", ApiKey)  # where the caller is a program
CHECKED_SESSION = web.RequestKey("checked_session", CheckedSession)
