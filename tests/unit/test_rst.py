import pytest
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from cxr import rst


def rendered(text):
    """The document as Snakemake's report makes it: by jinja, then by docutils, faults forbidden."""
    source = Environment(trim_blocks=True, lstrip_blocks=True).from_string(text).render()
    return publish_doctree(source, settings_overrides={"report_level": 1, "halt_level": 1})


HOSTILE = [
    *("*", "**bold**", "``code``", "`a`_", "name_", "|substitution|", "[1]_", "a: b", "::", "- a"),
    *(
        "1. one",
        "a) b",
        ".. image:: x.png",
        ":role:`x`",
        "====",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "{# #}",
    ),
    *(
        "{% endraw %}{{ 1 }}",
        "<b>",
        "&amp;",
        "C:\\new\\path",
        "\\",
        "a\nb",
        "+---+",
        ">>> 1",
        "# x",
    ),
    *(
        "http://example.org",
        "a@example.org",
        "é ü 胸水",
        "'\"",
        "$x^2$",
        "__",
        "--option value",
        "~~",
    ),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_marks_stand_for_themselves(text):
    document = rendered(f"{rst.escape(text)}\n\nafter")
    assert [paragraph.astext() for paragraph in document] == [" ".join(text.split()), "after"]


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_any_text_survives(text):
    document = rendered(f"before {rst.escape(text)} after")
    (paragraph,) = document
    assert paragraph.astext().split() == ["before", *text.split(), "after"]


def test_table_holds_its_cells():
    cells = [["a", rst.escape("- b")], [rst.escape("c|d"), "**e**"]]
    document = rendered(rst.table(["", "head"], cells))
    (table,) = document
    rows = [[cell.astext() for cell in row] for row in table.findall(nodes.row)]
    assert rows == [["", "head"], ["a", "- b"], ["c|d", "e"]]


def test_section_leaves_out_what_is_empty():
    assert rst.section("Title", "one", "", "two") == "Title\n-----\n\none\n\ntwo"


def test_bullets():
    (items,) = rendered(rst.bullets(["one", rst.escape("- two")]))
    assert items.tagname == "bullet_list"
    assert [item.astext() for item in items] == ["one", "- two"]
