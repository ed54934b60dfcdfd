"""What a restart keeps."""

from contextlib import closing
from pathlib import Path

import pytest

from scripts.load.own_studio import EMAIL, OwnStudio
from scripts.load.payloads import Payloads
from scripts.load.senders import SENDERS

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]


@pytest.mark.parametrize("how", ["terminate", "kill"])
@pytest.mark.parametrize("protocol", SENDERS)
def test_users_keys_sessions_and_spans_outlive_the_process(data_dir: Path, protocol: str, how: str) -> None:
    first, second = (payloads := Payloads(20)).make("kept"), payloads.make("kept")
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        with closing(SENDERS[protocol](studio, key)) as sender:
            sender.send(first.body)
        spans, cookie = list(studio.pages("kept", 7)), studio.cookie
        users, keys = (studio.rest("GET", path).json for path in ("/users", "/api_keys"))
        getattr(studio, how)()
    with OwnStudio(data_dir) as studio:
        studio.cookie = cookie
        assert studio.rest("GET", "/auth-test").json == {"user_email": EMAIL}
        assert [studio.rest("GET", path).json for path in ("/users", "/api_keys")] == [users, keys]
        assert list(studio.pages("kept", 7)) == spans
        with closing(SENDERS[protocol](studio, key)) as sender:
            sender.send(first.body)  # an exporter that never saw the answer sends again
            sender.send(second.body)
        stored = studio.stored("kept")
    assert sorted(stored) == sorted(first.ids + second.ids)
