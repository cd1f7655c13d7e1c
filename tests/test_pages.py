"""The tables of figures on the pages are what the commands make of the measured files."""

import re

import pages
import pytest


@pytest.mark.parametrize("page", sorted(pages.DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_tables_are_up_to_date(page):
    text = page.read_text()
    assert pages.renewed(text) == text, "python benchmarks/pages.py writes them anew"


def test_every_table_is_on_a_page():
    text = "".join(page.read_text() for page in pages.DOCS.glob("*.md"))
    assert sorted(re.findall(r"<!-- table: (\w+) -->", text)) == sorted(pages.TABLES)


def test_a_changed_figure_is_found():
    table = "| a |\n| --- |\n| 1 |\n"
    page = f"before\n<!-- table: noise -->\n{table}<!-- end -->\nafter\n"
    renewed = pages.renewed(page)
    assert table not in renewed and "| 4x4x128x128 | 1 |" in renewed
    assert renewed.startswith("before\n") and renewed.endswith("<!-- end -->\nafter\n")
