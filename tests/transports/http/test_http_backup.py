"""The backup over HTTP: a tar file, for people and for keys that may."""

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.actors.stage import rows
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio
from tests.spans import many_spans

pytestmark = pytest.mark.integration

BACKUP = "/api/v1/backup"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


async def test_the_backup_is_a_tar_file_of_a_data_folder(studio: HttpStudio, tmp_path: Path) -> None:
    cookie = await studio.set_up()
    await studio.send_spans(await studio.make_key(cookie), many_spans(3000, seed=1))
    reply = await studio.call("GET", BACKUP, cookie=cookie)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
        names = tar.getnames()
        for name in names:
            (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(name)
            assert content is not None
            (tmp_path / "copy" / name).write_bytes(content.read())
    assert names[-2:] == ["duckdb/traces.duckdb", "sqlite/junjo.db"]
    assert rows(tmp_path / "copy/sqlite/junjo.db", "SELECT email FROM users") == [(ADMIN["email"],)]
    journals = (tmp_path / "copy/duckdb/traces.journals").iterdir()
    assert sum(path.stat().st_size for path in journals) > 100_000


async def test_only_keys_with_the_scope_back_up(studio: HttpStudio, tmp_path: Path) -> None:
    cookie = await studio.set_up()
    key, other = await studio.make_key(cookie, "backup"), await studio.make_key(cookie)
    assert (await studio.call("GET", BACKUP)).status == 401
    assert (await studio.call("GET", BACKUP, headers={"x-junjo-api-key": other})).status == 403
    assert (await studio.call("GET", BACKUP, headers={"x-junjo-api-key": key})).status == 200
    [(user_id, email)] = rows(
        tmp_path / "junjo.db", "SELECT user_id, user_email FROM audit_trail WHERE resource_type = 'backup' ORDER BY id"
    )
    assert user_id.startswith("api_key:")
    assert email == ADMIN["email"]
