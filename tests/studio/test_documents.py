"""The documents match the settings."""

import re
from pathlib import Path

import pytest

from studio.settings import declared_variables, load_settings
from tests.studio_process import ROOT

pytestmark = pytest.mark.unit

VARIABLES = {declared.name: declared for declared in declared_variables().values()}
# Read by docker compose, or by the ingestion service, and not by the studio.
OF_OTHERS = {
    "BACKEND_GRPC_HOST",
    "BACKEND_GRPC_PORT",
    "JUNJO_AI_STUDIO_API_KEY",
    "JUNJO_BADGERDB_PATH",
    "JUNJO_FRONTEND_IMAGE",
    "JUNJO_HOST_DB_DATA_PATH",
    "JUNJO_INGESTION_IMAGE",
    "JUNJO_INGESTION_PUBLIC_PORT",
}
DOCUMENTS = (
    "README.md",
    ".env.example",
    "docs/configuration.md",
    "docs/operations.md",
    "docker-compose.yml",
    "Dockerfile",
)


def row(name: str) -> str:
    declared = VARIABLES[name]
    default = f"`{declared.default}`" if declared.default else "none"
    return f"| `{name}` | {default} | {declared.meaning} |"


def rows_of(document: str) -> list[str]:
    """The lines of the document's tables that begin with a variable."""
    text = (ROOT / document).read_text()
    return [line for line in text.splitlines() if re.match(r"\| `[A-Z_]+` \|", line)]


def test_the_configuration_document_has_every_variable_in_order() -> None:
    assert rows_of("docs/configuration.md") == [row(name) for name in VARIABLES]


def test_the_readme_repeats_rows_of_it() -> None:
    rows = rows_of("README.md")
    assert rows
    assert set(rows) <= {row(name) for name in VARIABLES}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_variable_that_is_named_exists(document: str) -> None:
    named = set(
        re.findall(
            r"\b(?:JUNJO|INGESTION|BACKEND|SPAN|GRPC|OPENAI|GEMINI)_[A-Z_]+[A-Z]\b", (ROOT / document).read_text()
        )
    )
    assert named - OF_OTHERS - {"JUNJO_PROD"} <= set(VARIABLES)


def test_the_example_file_shows_each_default(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^#([A-Za-z_]+)=(.*)$", text, flags=re.MULTILINE))
    assert set(shown) - OF_OTHERS == set(VARIABLES)

    (tmp_path / ".env").write_text("\n".join(f"{name}={value}" for name, value in shown.items()))
    from_example = load_settings({}, tmp_path)
    (tmp_path / ".env").unlink()
    assert from_example == load_settings({}, tmp_path)


def test_the_example_file_changes_nothing_as_it_is() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*/0*.md")), ids=lambda path: path.stem)
def test_a_decision_and_an_experiment_say_of_when_they_are(path: Path) -> None:
    title, first, _ = path.read_text().split("\n\n", 2)
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", title + first)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.stem
)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
