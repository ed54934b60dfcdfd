"""What a person at a terminal reads when the studio has started: where it is, and what to do next."""

from studio import __version__
from studio.app import Studio
from studio.settings import EVERYWHERE, Settings

BANNER = """
  Junjo AI Studio {version}

    REST API and OTLP/HTTP   {http}
    OTLP/gRPC                {host}:{otlp_port}
    Key checks (gRPC)        {host}:{grpc_port}
    Data                     {data_dir}

  New here? Create your account, and with it an API key for your programs:

    curl -c cookies.txt {http}/users/create-first-user \\
      -H 'content-type: application/json' -d '{{"email":"you@example.com","password":"at least 8 characters"}}'
    curl -b cookies.txt {http}/api_keys \\
      -H 'content-type: application/json' -d '{{"name":"my first key"}}'

  Then send two example traces with that key (in a checkout the command is ./scripts/studio):

    studio demo --key KEY --endpoint {http}

  How your own programs do it is in README.md. Ctrl-C stops the studio.
"""


def banner(settings: Settings, studio: Studio) -> str:
    """The text, with the ports that are really open."""
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    return BANNER.format(
        version=__version__,
        http=f"http://{host}:{studio.http_port}",
        host=host,
        otlp_port=studio.otlp_port,
        grpc_port=studio.grpc_port,
        data_dir=settings.data_dir,
    )
