"""The routes of the console: one page for all of its addresses, and its files under a hash."""

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request

from tests.http_studio import HttpStudio, Reply
from transports.http.framework.console_files import FOLDER, ConsoleFiles, first_modules
from transports.http.framework.request_tracer import is_traced
from transports.http.framework.script_text import as_sent

pytestmark = [pytest.mark.integration, pytest.mark.security]

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def policy_of(reply: Reply) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in reply.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def without_modules(page: bytes) -> bytes:
    return re.sub(rb' *<link rel="modulepreload" [^>]*>\n', b"", page)


async def hash_of(studio: HttpStudio) -> str:
    page = await studio.call("GET", "/console/", headers={"Accept-Encoding": "identity"})
    found: str
    [found] = set(re.findall(r"/console/-/([^/]+)/", page.body.decode()))
    return found


@pytest.mark.parametrize("path", ["/console/", "/console/traces/4bf9", "/console/settings/keys?x=%2F", "/console/a/"])
async def test_every_address_of_the_console_is_the_same_page(studio: HttpStudio, path: str) -> None:
    """But for the lines that name the modules of what it shows."""
    reply = await studio.call("GET", path, headers={"Accept-Encoding": "identity"})
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-cache"
    assert policy_of(reply) == POLICY
    assert b"HASH" not in reply.body
    first = await studio.call("GET", "/console/", headers={"Accept-Encoding": "identity"})
    assert without_modules(reply.body) == without_modules(first.body)


@pytest.mark.parametrize(
    ("path", "question"),
    [
        ("/console/", "/api/v1/observability/traces?limit=50"),
        ("/console/traces", "/api/v1/observability/traces?limit=50"),
        ("/console/traces?q=a", None),
        (f"/console/traces/{'0af7' * 8}?span=1", f"/api/v1/observability/traces/{'0af7' * 8}/outline"),
        ("/console/traces/%22%3E%3Cscript%3E", None),
        ("/console/sql", None),
    ],
)
async def test_who_is_signed_in_gets_the_first_question_with_the_page(
    studio: HttpStudio, path: str, question: str | None
) -> None:
    plain = {"Accept-Encoding": "identity"}
    reply = await studio.call("GET", path, headers=plain, cookie="some")
    asked = re.findall(r'rel="preload" href="([^"]+)"', reply.body.decode())
    assert asked == ["/api/v1/account", *([question] if question else [])]
    assert b"<script>" not in reply.body
    assert "Cookie" in reply.headers["Vary"]
    nobody = await studio.call("GET", path, headers=plain)
    assert re.findall(r'rel="preload" href="([^"]+)"', nobody.body.decode()) == ["/api/v1/account"]


async def test_a_browser_that_has_the_page_is_not_sent_it_again(studio: HttpStudio) -> None:
    tag = (await studio.call("GET", "/console/")).headers["ETag"]
    reply = await studio.call("GET", "/console/traces", headers={"If-None-Match": tag})
    assert (reply.status, reply.body, reply.headers["ETag"]) == (304, b"", tag)
    assert policy_of(reply) == POLICY


async def test_the_page_names_what_the_first_page_waits_for(studio: HttpStudio) -> None:
    """And nothing that is not there."""
    account = "/api/v1/account"
    page = await studio.call("GET", "/console/", headers={"Accept-Encoding": "identity"})
    loaded = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    named = re.findall(r'modulepreload" href="/console/-/\w+/([^"]+)"', page.body.decode())
    assert {"shell.js", "pages/traces.js", "kernel/signal.js", "api/studio.js"} <= set(named)
    assert account in loaded
    assert len(set(loaded)) == len(loaded)
    assert (await studio.call("GET", account, headers={"Cookie": ""})).status == 401  # asked while modules come
    assert [path for path in loaded if path != account and (await studio.call("GET", path)).status != 200] == []


async def test_files_are_there_for_good_under_their_hash(studio: HttpStudio) -> None:
    hashed = await hash_of(studio)
    paths = [path for path in FOLDER.rglob("*") if path.suffix in TYPES]
    for path in paths:
        reply = await studio.call(
            "GET", f"/console/-/{hashed}/{path.relative_to(FOLDER)}", headers={"Accept-Encoding": "identity"}
        )
        written = path.read_text()
        sent = as_sent(written) if path.suffix == ".js" else written
        assert (reply.status, reply.body.decode()) == (200, sent)
        assert reply.headers["Content-Type"] == TYPES[path.suffix]
        assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert policy_of(reply) == POLICY
    assert len(paths) > 10


async def test_whoever_takes_gzip_gets_it(studio: HttpStudio) -> None:
    path, sent = f"/console/-/{await hash_of(studio)}/main.js", as_sent((FOLDER / "main.js").read_text())
    address = f"http://127.0.0.1:{studio.port}"
    async with ClientSession(address, auto_decompress=False, headers={"Accept-Encoding": "gzip"}) as client:
        async with client.get(path) as reply:
            assert reply.headers["Content-Encoding"] == "gzip"
            assert "Accept-Encoding" in reply.headers["Vary"]
            assert gzip.decompress(await reply.read()).decode() == sent
        async with client.get(path, headers={"Accept-Encoding": "br"}) as reply:
            assert "Content-Encoding" not in reply.headers
            assert await reply.text() == sent


@pytest.mark.parametrize(
    "path",
    [
        "/console/-/HASH/nowhere.js",
        "/console/-/HASH/",
        "/console/-/HASH",
        "/console/-/HASH/kernel",
        "/console/-/HASH/kernel/",
        "/console/-/HASH/index.html",
        "/console/-/HASH/deno.json",
        "/console/-/HASH/api/types.d.ts",
        "/console/-/HASH/../HASH/%2e%2e/main.js",
        "/console/-/HASH/..%2Fapp.py",
        "/console/-/HASH/%2Fetc%2Fpasswd",
        "/console/-/HASH/main.js%00",
        "/console/-/HASH/main.js/",
        "/console/-/0000000000000000/main.js",
        "/console/-/",
    ],
)
async def test_what_is_not_there_is_not_found(studio: HttpStudio, path: str) -> None:
    """It is never the page: a browser would take it for a module."""
    reply = await studio.call("GET", path.replace("HASH", await hash_of(studio)))
    assert reply.status == 404
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.headers["Cache-Control"] == "no-store"
    assert policy_of(reply) == {"default-src": "'none'", "frame-ancestors": "'none'"}


async def test_head_says_what_get_does(studio: HttpStudio) -> None:
    for path in ("/console/", "/console/traces", f"/console/-/{await hash_of(studio)}/main.js"):
        got, headed = [await studio.call(method, path) for method in ("GET", "HEAD")]
        assert (headed.status, headed.body) == (200, b"")
        changes = {"Date", "X-Request-ID"}
        assert {k: v for k, v in headed.headers.items() if k not in changes} == {
            k: v for k, v in got.headers.items() if k not in changes
        }


async def test_browsers_are_led_to_the_console_and_programs_are_told_of_the_service(studio: HttpStudio) -> None:
    accepted = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    reply = await studio.call("GET", "/", headers=accepted)
    assert (reply.status, reply.headers["Location"], reply.body) == (303, "/console/", b"")
    for accept in ("*/*", "application/json", ""):
        assert (await studio.call("GET", "/", headers={"Accept": accept})).json["health"] == "/health"
    reply = await studio.call("GET", "/console")
    assert (reply.status, reply.headers["Location"]) == (308, "/console/")


def test_the_folder_is_read_again_when_something_in_it_changed(tmp_path: Path) -> None:
    """So that whoever works on the console sees it, and a hash never stands for two states."""
    (tmp_path / "index.html").write_text('<script type="module" src="/console/-/HASH/main.js"></script>')
    (tmp_path / "main.js").write_text("one();")
    files = ConsoleFiles(tmp_path)
    assert files.served() is None
    first = files.latest()
    assert files.latest() is first is files.served()
    (tmp_path / "main.js").write_text("three();")
    second = files.latest()
    assert second.hash != first.hash
    assert second.files["main.js"].body == b"three();"
    assert gzip.decompress(second.files["main.js"].compressed()) == b"three();"
    assert second.files["main.js"].compressed() is second.files["main.js"].compressed()
    assert second.hash in second.index.body.decode()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("  a(); // goes\n// goes\n  // goes\n\tb();", "a();\n\n\nb();"),
        ("/** one\n * two\n */\na();", "\n\n\na();"),
        ("/** @type {A} */ (a).b();\nc = /** @type {B} */ (d); /* stays */", "(a).b();\nc = (d); /* stays */"),
        ("a = `\n  // text\n  /* text\n`; // goes\n// goes", "a = `\n  // text\n  /* text\n`; // goes\n"),
        ("  a = `text // text\n  text`;\n  b();", "a = `text // text\n  text`;\nb();"),
        ('a = \'`\';\n// goes\nb = "\\"`";\n/* goes */', 'a=\'`\';\n\nb="\\"`";\n'),
        ("a = `\\``;\n// goes\n/* ` */ b();\n// goes", "a = `\\``;\n\nb();\n"),
        ("a = `${b(`c`)}\n// text`;\n/*\n`\n*/\n// goes", "a = `${b(`c`)}\n// text`;\n\n\n\n"),
        ('a = "http://b // c";\nd = " // e"; // f', 'a="http://b // c";\nd=" // e";'),
        ("a = b // it's\n  / c;", "a = b // it's\n/ c;"),
        ("const { a, b } = c ? .5 : d - -e;", "const{a,b}=c?.5:d - -e;"),
        ('if (a === " = " && b) c += d ?? "x , y";', 'if (a===" = "&&b) c +=d??"x , y";'),
        ("a = /x = y/;\nb = `c = ${d}`;", "a = /x = y/;\nb = `c = ${d}`;"),
    ],
)
def test_comments_and_what_formatting_put_in_are_not_sent(written: str, sent: str) -> None:
    """And lines keep their numbers."""
    assert as_sent(written) == sent


def test_a_page_comes_with_a_line_for_each_of_its_modules() -> None:
    """Also where an address has ids in it. The table of addresses is that of main.js."""
    console = ConsoleFiles().latest()
    addresses = {"": "traces", "traces": "traces", "traces/0af7": "trace", "settings/keys": "settings", "/sql/": "sql"}
    lines = {path: console.page(path).body.decode().count(f"/pages/{page}.js") for path, page in addresses.items()}
    assert lines == dict.fromkeys(addresses, 1)
    assert console.page("traces/a/b") is console.page("nowhere") is console.index
    trace = console.page("traces/0af7").body.decode()
    assert "/parts/water-fall.js" in trace
    assert "/pages/traces.js" not in trace


def test_only_static_imports_come_before_the_first_page() -> None:
    bodies = {
        "main.js": b'import { a } from "./kernel/a.js";\nimport(`./pages/b.js`);\n// import "./x.js"\n',
        "kernel/a.js": b'/** @type {import("./t.js").T} */\nimport {\n  c,\n} from "../c.js";\nexport * from "./d.js";',
        "kernel/d.js": b'import "./a.js";\nconst x = await import("../pages/b.js");',
        "c.js": b"",
        "pages/b.js": b"",
    }
    assert first_modules(bodies) == ["main.js", "kernel/a.js", "c.js", "kernel/d.js"]


def test_files_are_not_traced_which_ask_no_actor() -> None:
    assert not is_traced(make_mocked_request("GET", "/console/-/0/main.js"))
    assert is_traced(make_mocked_request("GET", "/api/v1/account"))


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        (f"/workflows/a%2Fshop/{TRACE}/{SPAN}", f"/console/workflows/{TRACE}/{SPAN}"),
        (f"/agents/shop/{TRACE}/{SPAN}?view=failure", f"/console/workflows/{TRACE}/{SPAN}?view=failure"),
        (f"/traces/shop/{TRACE.upper()}/{SPAN}", f"/console/traces/{TRACE}?span={SPAN}"),
    ],
)
async def test_paths_that_evidence_names_lead_to_their_pages(studio: HttpStudio, path: str, leads_to: str) -> None:
    reply = await studio.call("GET", path)
    assert (reply.status, reply.headers["Location"]) == (303, leads_to)


async def test_a_path_of_evidence_leads_nowhere_else(studio: HttpStudio) -> None:
    reply = await studio.call("GET", "/workflows/shop/%2F%2Fevil.example/x")
    assert reply.status == 422
