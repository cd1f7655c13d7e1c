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


def test_the_demo_models_table_has_the_best_steps_of_each_sampler(tmp_path, monkeypatch):
    rows = [f"2,ER-SDE,{steps},{calls},{rms}" for calls in (8, 12, 20) for steps, rms in (("a", calls), ("b", 14))]
    (tmp_path / "learned.csv").write_text("\n".join(["guidance,sampler,schedule,calls,rms", *rows]))
    monkeypatch.setattr(pages, "HERE", tmp_path)
    assert pages.learned()[1] == [["2", "ER-SDE", "8.000 a", "12.000 a", "14.000 b"]]


def test_the_demo_models_table_of_caps_has_what_was_measured_with_both(tmp_path, monkeypatch):
    rows = [f"2,SEEDS-M,{steps},{calls},1" for calls in (8, 12, 20) for steps in "ab"]
    rows += [f"2,SEEDS-M eta_cap=0.6,a,{calls},2" for calls in (8, 12, 20)]
    (tmp_path / "learned.csv").write_text("\n".join(["guidance,sampler,schedule,calls,rms", *rows]))
    monkeypatch.setattr(pages, "HERE", tmp_path)
    assert pages.caps_learned()[1] == [["2", "a", "1.000 / 1.000 / 1.000", "2.000 / 2.000 / 2.000"]]
