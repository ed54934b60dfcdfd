"""The banner for a person at a terminal: where the started studio is, and what to do next."""

from studio import __version__
from studio.addresses import local_address
from studio.app import Studio
from studio.exposure import is_loopback
from studio.settings import Settings
from transports.http.api.console_pages import ADDRESS

BANNER = """
  Junjo AI Studio {version}

    Console                  {http}{console}
    REST API and OTLP/HTTP   {http}
    OTLP/gRPC                {otlp}
    Key checks (gRPC)        {key_checks}
{extra}    Data                     {data_dir}

{account}
    curl -b cookies.txt {http}/api_keys \\
      -H 'content-type: application/json' -d '{{"name":"my first key"}}'

  Then send a day of example traces with that key (in a checkout the command is ./scripts/studio):

    studio demo --key KEY --endpoint {http}

  How your own programs do it is in README.md. Ctrl-C stops the studio.
"""
NEW = """\
  New here? Open the console, which leads you to the first span. Or create your account here, and an API key:

    curl -c cookies.txt {http}/users/create-first-user \\
      -H 'content-type: application/json' -d '{{"email":"you@example.com","password":"at least 8 characters"}}'"""
FROM_AFAR = """

  {where} that needs the header -H 'x-junjo-setup-code: {code}' too."""
KNOWN = """\
  Sign in with your account when your session has ended; with it you make an API key for another program:

    curl -c cookies.txt {http}/sign-in \\
      -H 'content-type: application/json' -d '{{"email":"you@example.com","password":"your password"}}'"""
EXTRA = "    OTLP/gRPC and OTLP/HTTP  {ports}\n"


def banner(settings: Settings, studio: Studio, *, users_exist: bool) -> str:
    """The text, with the ports that are really open."""
    http = f"http://{local_address(settings.host, studio.http_port)}"
    extra = ", ".join(local_address(settings.host, port) for port in studio.extra_ports)
    return BANNER.format(
        version=__version__,
        http=http,
        console=ADDRESS,
        otlp=local_address(settings.host, studio.otlp_port),
        key_checks=local_address(settings.host, studio.grpc_port),
        extra=EXTRA.format(ports=extra) if extra else "",
        data_dir=settings.data_dir,
        account=KNOWN.format(http=http) if users_exist else _new_account(settings, http),
    )


def _new_account(settings: Settings, http: str) -> str:
    """The steps to create the first account, with the setup code where needed: the reader could read its file too."""
    account = NEW.format(http=http)
    if settings.setup_code is None or (not settings.production and is_loopback(settings.host)):
        return account
    where = "In production" if settings.production else "From other machines"
    return account + FROM_AFAR.format(where=where, code=settings.setup_code)
