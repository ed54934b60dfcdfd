"""The rules of the house: who imports whom, who asks whom, who reads the environment.

Imports run studio -> transports -> actors. An actor's public face is its ``messages`` and the value types they carry;
transports and other actors see nothing else of it.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Callable
from graphlib import TopologicalSorter

import pytest

from actors.errors import RetryableError, StudioError
from actors.runtime.messages import Event, Request, StreamRequest
from tests.messages import FOLDERS, MESSAGES, REQUESTS, folder_of, is_face
from tests.source import PROJECT, Module, all_modules, classes_below, module_of, modules, within
from transports.errors import ERRORS

pytestmark = pytest.mark.unit

# Value types of an actor that stand in a module of their own beside its ``messages``.
VALUES = {
    "actors.alerts.webhook_url",  # what others may see of it
    "actors.span_store.asked.arrivals",
    "actors.span_store.asked.sessions",
    "actors.span_store.asked.stored_traces",
    "actors.span_store.asked.buckets",
    "actors.span_store.asked.evidence",
    "actors.span_store.asked.differences",
    "actors.span_store.asked.heat_map",
    "actors.span_store.asked.lists",
    "actors.span_store.asked.retention",
    "actors.span_store.asked.sql",
    "actors.span_store.asked.sql_views",
    "actors.span_store.asked.stats",
    "actors.span_store.asked.values",
    "actors.span_store.asked.workflows",
    "actors.span_store.columns.attributes",
    "actors.span_store.columns.key_shapes",
    "actors.span_store.columns.logs",
    "actors.span_store.columns.spans",
    "actors.span_store.columns.types",
    "actors.span_store.masking.masking",
    "actors.span_store.masking.reading",
    "actors.span_store.pricing.cost",
    "actors.span_store.pricing.own_price",
    "actors.span_store.query.expression",
    "actors.span_store.query.language.fields",
    "actors.span_store.query.language.filter_text",
    "actors.span_store.query.language.times",
    "actors.span_store.query.position",
    "actors.conversation.form",
    "actors.workflows.form",
    "actors.workflows.graph_form",
    "actors.workflows.losses",
    "actors.workflows.evidence.form",
    "actors.span_store.traces.detail",
    "actors.span_store.traces.outline",
    "actors.span_store.traces.summary",
    "actors.ingestion.source",
    "actors.session.password_rules",  # a rule about a value, for whoever sets one
    "actors.playground.prompt",
    "actors.playground.providers.provider",
}
# What a message's own values are made by, in the thread of whoever makes the message. Nobody else may know of it.
MAKERS = {
    "actors.span_store.columns.log_rows",
    "actors.span_store.columns.rows",
    "actors.span_store.columns.attribute_column",
    "actors.span_store.columns.content",
    "actors.span_store.columns.promoted",
    "actors.span_store.columns.conventions",
    "actors.span_store.columns.model_names",
    "actors.span_store.columns.json_text",
    "actors.span_store.columns.totals",
    "actors.span_store.masking.checks",
    "actors.span_store.masking.findings",
    "actors.span_store.masking.json_text",
    "actors.span_store.masking.patterns",
    "actors.span_store.masking.tree",
    "actors.span_store.query.language.compiled",
    "actors.span_store.query.language.faults",
    "actors.span_store.query.language.literals",
    "actors.span_store.query.language.open_fields",
    "actors.span_store.query.language.parsing",
    "actors.span_store.query.language.text_values",
    "actors.span_store.query.language.tree",
    "actors.span_store.query.numeric",
}
# What makes a store or a thread, and so has no place in messages and values.
STORES_AND_THREADS = {"aiosqlite", "asyncio", "concurrent", "duckdb", "multiprocessing", "sqlite3", "threading"}
# What everybody may know of the actors.
COMMON_GROUND = {"actors.audit_entry", "actors.errors", "actors.principal"}
# The runtime, in the order in which its modules may import each other.
RUNTIME = [
    f"actors.runtime.{name}"
    for name in (
        "messages",
        "statistics",
        "cancellation",
        "budget",
        "mailbox",
        "lane",
        "closing",
        "subscription",
        "actor",
        "bus",
        "observed_bus",
        "cell",
        "supervisor",
    )
]
# What a transport may know of the runtime: how to ask, what was counted, and how what is held is bounded.
RUNTIME_FOR_TRANSPORTS = {
    "actors.runtime.budget",
    "actors.runtime.bus",
    "actors.runtime.messages",
    "actors.runtime.statistics",
}
# What actors share: they stand above the actors' folders and know none of them.
SHARED_BY_ACTORS = COMMON_GROUND | {
    "actors.audit",
    "actors.clock",
    "actors.folders",
    "actors.retry_after",
    "actors.sealing",
    "actors.sign_outs",
    "actors.sqlite",
}

# What a span said, in one form: it holds no state and asks nobody, so that any actor may call it.
CONVERSATION = "actors.conversation"
# What it knows of the rest: the one word for each model and finish reason.
KNOWN_TO_CONVERSATION = {"actors.span_store.columns.model_names"}

# What ran in a trace: like conversations, it holds no state and asks nobody.
WORKFLOWS = "actors.workflows"

# Who may know of the environment: the settings, and what tells Arrow its allocator, which it learns in no other way.
ENVIRONMENT = {"studio.settings", "studio.tuning"}

# Where SQL over the index of spans may stand: what users ask of spans, what they ask of many spans together, what they
# ask in SQL, and all about the index's own tables. The last is a package with one face: what is in which of its modules
# is nobody else's business.
SPAN_TABLE, INDEX = "actors.span_store.embedded.reads.span_table", "actors.span_store.embedded.sealed.index"
AGGREGATES = "actors.span_store.embedded.reads.aggregates"
USERS_SQL = "actors.span_store.embedded.reads.sql"
ROOMS = (SPAN_TABLE, INDEX, AGGREGATES, USERS_SQL)
# Statements that are shown to users as examples.
SHOWN_SQL = "actors.span_store.asked.sql_views"
_VERBS = (
    "ALTER|ATTACH|BEGIN|CHECKPOINT|COMMIT|COPY|CREATE|DELETE|DROP|INSERT|MERGE|PRAGMA|SELECT|SET|UPDATE|VACUUM|WITH"
)
STATEMENT = re.compile(rf"\s*\(?({_VERBS})(\s|$)")
RUNNING = {"begin", "commit", "execute", "executemany", "executescript", "rollback", "sql"}

# Who may ask whom, by folder. Without a circle nobody can wait for himself.
MAY_ASK = {
    "alerts": {"scores", "span_store"},
    "audit_trail": {"span_store"},
    "ingestion": {"span_store"},
    "live": {"span_store"},
    "playground": {"span_store"},
    "prices": {"span_store"},
    "retention": {"span_store"},
    "scores": {"span_store"},
    "session": {"key_registry"},
}
# Who may hear whose events. Hearing is no waiting, so circles would do no harm here.
MAY_HEAR = {
    "live": {"key_registry", "session"},
    "playground": {"key_registry", "session"},
}


def faults_in(package: str, allowed: Callable[[str], bool]) -> list[str]:
    """The imports of a package's modules that are not allowed, as ``place:line imports name``."""
    return [
        f"{module.place}:{line} imports {imported}"
        for module in modules(package)
        for line, imported in module.imported_modules()
        if not allowed(imported)
    ]


def is_public_face(module: str) -> bool:
    return module in VALUES or module in {f"actors.{folder}.messages" for folder in FOLDERS}


def test_value_modules_exist() -> None:
    assert {module.name for module in modules("actors")} >= VALUES | MAKERS


def test_actors_import_neither_transports_nor_the_studio() -> None:
    assert not faults_in("actors", lambda imported: within(imported, "actors"))


def test_transports_do_not_import_the_studio() -> None:
    assert not faults_in("transports", lambda imported: not within(imported, "studio"))


def test_transports_see_only_the_public_faces_of_actors() -> None:
    seen = COMMON_GROUND | RUNTIME_FOR_TRANSPORTS
    assert not faults_in(
        "transports",
        lambda imported: not within(imported, "actors") or imported in seen or is_public_face(imported),
    )


def test_the_runtime_knows_no_domain() -> None:
    assert not faults_in(
        "actors/runtime",
        lambda imported: within(imported, "actors.runtime") or imported == "actors.errors",
    )


@pytest.mark.parametrize("package", ["actors", "transports", "studio"])
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    """Types count: a circle that ``TYPE_CHECKING`` hides from Python is one for whoever reads."""
    TopologicalSorter(
        {
            module.name: {name for _, name in module.imported_modules() if within(name, package)}
            for module in modules(package)
        }
    ).prepare()


def test_the_runtime_imports_in_one_direction() -> None:
    """Each module knows those before it and none behind it, also for its types."""
    assert {module.name for module in modules("actors/runtime")} == {"actors.runtime", *RUNTIME}
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in modules("actors/runtime")
        for line, imported in module.imported_modules()
        if imported in RUNTIME and RUNTIME.index(imported) >= RUNTIME.index(module.name)
    ]
    assert not faults


@pytest.mark.parametrize("folder", FOLDERS)
def test_actors_see_only_the_public_faces_of_each_other(folder: str) -> None:
    own = f"actors.{folder}"
    assert not faults_in(
        f"actors/{folder}",
        lambda imported: (
            within(imported, own)
            or within(imported, "actors.runtime")
            or within(imported, CONVERSATION)
            or within(imported, WORKFLOWS)
            or imported in SHARED_BY_ACTORS
            or is_public_face(imported)
        ),
    )


def test_what_reads_conversations_knows_no_actor() -> None:
    assert not faults_in(
        "actors/conversation",
        lambda imported: within(imported, CONVERSATION) or imported in KNOWN_TO_CONVERSATION,
    )
    libraries = {name.partition(".")[0] for module in modules("actors/conversation") for _, name in module.imports()}
    assert not libraries & (STORES_AND_THREADS | {"pyarrow"})


def test_what_reads_runs_knows_no_actor() -> None:
    assert not faults_in("actors/workflows", lambda imported: within(imported, WORKFLOWS) or imported in COMMON_GROUND)
    libraries = {name.partition(".")[0] for module in modules("actors/workflows") for _, name in module.imports()}
    assert not libraries & (STORES_AND_THREADS | {"pyarrow"})


def test_what_actors_share_knows_none_of_them() -> None:
    shared = [module for module in modules("actors") if module.path.parent == PROJECT / "actors"]
    assert {module.name for module in shared} == SHARED_BY_ACTORS | {"actors"}
    known = {(module.name, imported) for module in shared for _, imported in module.imported_modules()}
    # Opening a file may be refused, which is a word of the runtime.
    assert {imported for _, imported in known} <= SHARED_BY_ACTORS | {"actors.runtime.actor"}


def test_a_public_face_shows_nothing_behind_it() -> None:
    """Importing messages or values brings no store, no thread and no library of the implementation along."""
    allowed = COMMON_GROUND | MAKERS | {"actors.clock", "actors.runtime.messages"}
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in faces_and_makers()
        for line, imported in module.imported_modules()
        if imported not in allowed and not is_public_face(imported)
    ]
    assert not faults


def test_messages_and_values_need_no_store_and_no_thread() -> None:
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in faces_and_makers()
        for line, imported in module.imports()
        if imported.partition(".")[0] in STORES_AND_THREADS or within(imported, "pyarrow.parquet")
    ]
    assert not faults


def faces_and_makers() -> list[Module]:
    return [module for module in modules("actors") if is_public_face(module.name) or module.name in MAKERS]


def test_the_environment_is_read_in_one_place() -> None:
    names = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}
    faults = [
        f"{module.place}:{line} uses {name}"
        for module in all_modules()
        if module.name not in ENVIRONMENT
        for line, name in [*module.imports(), *attributes(module)]
        if name in names or within(name, "dotenv")
    ]
    assert not faults


def statements(tree: ast.AST) -> list[int]:
    """Lines of texts that begin as a statement of SQL does, and of calls that run one."""
    texts = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value)
    ]
    return texts + [call.lineno for method in RUNNING for call in calls_of(tree, method)]


def test_sql_over_the_index_stands_in_its_rooms() -> None:
    faults = [
        f"{module.place}:{line}"
        for module in modules("actors/span_store")
        if module.name != SHOWN_SQL and not any(within(module.name, room) for room in ROOMS)
        for line in statements(module.tree)
    ]
    assert not faults
    for where in ("actors/span_store/embedded/reads", "actors/span_store/embedded/sealed"):
        assert any(statements(module.tree) for module in modules(where)), "the test finds what it looks for"


@pytest.mark.parametrize(
    "source",
    [
        'rows = ask("SELECT 1")',
        'rows = ask(f"SELECT {columns} FROM span")',
        'rows = ask("""\n    WITH few AS (SELECT 1) SELECT 2""")',
        'rows = ask("(SELECT 1 UNION SELECT 2)")',
        "connection.execute(made_elsewhere)",
        "cursor.executemany(made_elsewhere, rows)",
        "connection.begin()",
        'end = "CHECKPOINT"',
    ],
)
def test_sql_is_found_however_it_is_written(source: str) -> None:
    assert statements(ast.parse(source))


def test_the_index_is_asked_by_its_face_only() -> None:
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in all_modules()
        if not within(module.name, INDEX)
        for line, imported in module.imported_modules()
        if within(imported, INDEX) and imported != INDEX
    ]
    assert not faults


def test_one_module_knows_the_protocol_of_agents() -> None:
    """It is loaded when somebody asks: what brings it along takes 29 MB of an idle studio."""
    knowing = {
        module.name
        for package in ("actors", "transports", "studio")
        for module in modules(package)
        for _, name in module.imports()
        if any(within(name, package) for package in ("mcp", "mcp_types", "starlette"))
    }
    assert knowing == {"transports.http.mcp.serving"}


def test_no_test_module_leans_on_another() -> None:
    """What tests share stands in their folder's ``stage.py``: a test module can be read, moved and removed alone."""
    faults = [
        f"{module.place}:{line} imports {imported}"
        for module in modules("tests")
        for line, imported in module.imports()
        if within(imported, "tests") and any(part.startswith("test_") for part in module_of(imported).split("."))
    ]
    assert not faults


def attributes(module: Module) -> list[tuple[int, str]]:
    """Line and text of every ``name.attribute``."""
    return [
        (node.lineno, f"{node.value.id}.{node.attr}")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]


def test_every_error_has_its_row_in_the_table() -> None:
    assert set(ERRORS) == classes_below(StudioError) - {RetryableError}


def test_only_errors_with_a_row_are_raised() -> None:
    abstract = {StudioError.__name__, RetryableError.__name__}
    faults = [
        f"{module.place}:{node.lineno} makes a {node.func.id}"
        for module in all_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in abstract
    ]
    assert not faults


def imported_from_others(folder: str, kind: type | tuple[type, ...]) -> set[str]:
    """The folders from whose messages this one imports classes of that kind."""
    found = set()
    for module in modules(f"actors/{folder}"):
        for _, name in module.imports():
            home, _, attribute = name.rpartition(".")
            if is_face(home) and not within(home, f"actors.{folder}"):
                value = getattr(importlib.import_module(home), attribute)
                if inspect.isclass(value) and issubclass(value, kind) and value in MESSAGES:
                    found.add(folder_of(value))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_who_asks_whom_is_known(folder: str) -> None:
    assert imported_from_others(folder, (Request, StreamRequest)) == MAY_ASK.get(folder, set())


@pytest.mark.parametrize("folder", FOLDERS)
def test_who_hears_whom_is_known(folder: str) -> None:
    assert imported_from_others(folder, Event) == MAY_HEAR.get(folder, set())


def test_nobody_asks_in_a_circle() -> None:
    assert set(MAY_ASK) <= set(FOLDERS)
    TopologicalSorter(MAY_ASK).prepare()


def test_actors_start_before_those_that_ask_them() -> None:
    [started] = [
        [
            folder_of(getattr(importlib.import_module("studio.app"), node.args[0].id))
            for node in sorted(calls_of(function, "add"), key=lambda call: call.lineno)
            if isinstance(node.args[0], ast.Name)
        ]
        for function in ast.walk(module_named("studio.app").tree)
        if isinstance(function, ast.FunctionDef) and function.name == "add_actors"
    ]
    assert sorted(started) == FOLDERS, "every actor is started, once"
    for asker, asked in MAY_ASK.items():
        assert all(started.index(each) < started.index(asker) for each in asked)


def module_named(name: str) -> Module:
    [module] = [each for each in all_modules() if each.name == name]
    return module


def calls_of(tree: ast.AST, method: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
    ]


def test_actors_do_not_ask_themselves() -> None:
    """A serial handler that asked its own actor would wait for itself."""
    own = {(folder_of(each), each.__name__) for each in REQUESTS}
    faults = [
        f"{module.place}:{call.lineno}"
        for folder in FOLDERS
        for module in modules(f"actors/{folder}")
        for method in ("ask", "stream")
        for call in calls_of(module.tree, method)
        for node in ast.walk(call)
        if isinstance(node, ast.Name) and (folder, node.id) in own
    ]
    assert not faults
