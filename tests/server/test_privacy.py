"""docs/privacy.md says it of everything that is stored, and is found."""

from pathlib import Path

import pytest

from server.tables import Base

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", Base.metadata.tables)
def test_the_page_says_of_every_table_what_it_holds_and_until_when(table):
    assert f"| `{table}` |" in PAGE


@pytest.mark.parametrize("page", ["README.md", "docs/server.md", "docs/extension.md"])
def test_the_page_is_found(page):
    assert "privacy.md)" in (ROOT / page).read_text(encoding="utf-8")
