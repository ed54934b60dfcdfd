"""docs/sql.md says what the views are and which examples there are."""

import re

import pytest

from actors.span_store.asked.sql_views import EXAMPLES, VIEWS
from tests.source import PROJECT

pytestmark = pytest.mark.unit

DOCUMENT = (PROJECT / "docs" / "sql.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_is_described(view: object) -> None:
    [described] = [each for each in VIEWS if each is view]
    [section] = re.findall(rf"^### `{described.name}`\n\n(.*?)(?=^##)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert section.startswith(described.description)
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z_\[\]]+) \| (.+) \|$", section, re.MULTILINE)
    columns = [(column.name, column.type, column.description) for column in described.columns]
    assert rows == ([] if described.name == "calls" else columns)


def test_the_examples_are_there() -> None:
    found = re.findall(r"^([^\n]+):\n\n```sql\n(.*?)\n```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found == [(example.title, example.sql) for example in EXAMPLES]
