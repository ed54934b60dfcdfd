"""Keys of the application's state and of a request's state."""

from collections.abc import Callable

from aiohttp import web

from actors.key_registry.messages import ApiKey
from actors.runtime.bus import Bus
from transports.http.config import HttpConfig
from transports.http.framework.console_files import ConsoleFiles
from transports.http.framework.loop_lag import LoopLag
from transports.http.framework.open_sockets import OpenSockets
from transports.http.framework.request_state import RequestState

BUS = web.AppKey("bus", Bus)
CONFIG = web.AppKey("config", HttpConfig)
CONSOLE = web.AppKey("console", ConsoleFiles)
DOCUMENT = web.AppKey[Callable[[], bytes]]("document")  # writes the OpenAPI document, as JSON text, once
LAG = web.AppKey("lag", LoopLag)
SOCKETS = web.AppKey("sockets", OpenSockets)
CALLERS_KEY = web.RequestKey("callers_key", ApiKey)  # where the caller is a program
REQUEST_STATE = web.RequestKey("request_state", RequestState)
