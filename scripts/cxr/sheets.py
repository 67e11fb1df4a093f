"""Writing a table of sections, items and values as text to read: Markdown and HTML."""

import re
from pathlib import Path

import pandas as pd
from jinja2 import Environment

NOT_GIVEN = "not given"
TO_WRITE = "you must write this"
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 0.92rem/1.5 sans-serif; }
body { color: #1f2937; background: #ffffff; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 1.6rem 0 0.4rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { padding: 0.35rem 0.6rem 0.35rem 0; border-top: 1px solid #d1d5db; }
th, td { text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { width: 13rem; font-weight: normal; color: #4b5563; }
.unknown { color: #92400e; font-style: italic; }
@media (max-width: 36rem) {
th, td { display: block; width: auto; }
td { border-top: 0; padding-top: 0; }
}
</style>
<main>
<h1>{{ title }}</h1>
<p>{{ about }}</p>
{% for section, items in sections -%}
<h2>{{ section }}</h2>
<table>
{% for item, value in items -%}
<tr><th scope="row">{{ item }}</th>
<td{% if value == not_given or value.startswith(to_write) %} class="unknown"{% endif -%}
>{{ value }}</td></tr>
{% endfor -%}
</table>
{% endfor -%}
</main>
</html>
"""
_MARKUP = re.compile(r"([\\`*_<>|\[\]&$~])")


def sections_of(sheet: pd.DataFrame) -> list[tuple[str, list[tuple[str, str]]]]:
    """The items and values of each section, in order.

    Args:
        sheet: Columns section, item and value, all text.
    """
    return [
        (section, list(zip(part["item"], part["value"], strict=True)))
        for section, part in sheet.groupby("section", sort=False)
    ]


def markdown(title: str, about: str, sheet: pd.DataFrame) -> str:
    """The table in Markdown: a heading and two columns for each section; see `sections_of`."""
    lines = [f"# {_escape(title)}", "", _escape(about)]
    for section, items in sections_of(sheet):
        lines += ["", f"## {_escape(section)}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_escape(item)} | {_escape(value)} |" for item, value in items]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Text on one line in which each mark of Markdown stands for itself."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def page(title: str, about: str, sheet: pd.DataFrame) -> str:
    """The table as a page of HTML, without scripts and with every text escaped.

    What is not given or not written yet is set apart. See `sections_of`.
    """
    template = Environment(autoescape=True).from_string(PAGE)
    texts = {"title": title, "about": about, "not_given": NOT_GIVEN, "to_write": TO_WRITE}
    return template.render(texts, sections=sections_of(sheet)) + "\n"


def write_texts(
    title: str, about: str, sheet: pd.DataFrame, text_path: Path, page_path: Path
) -> None:
    """Write the table as Markdown and as a page of HTML; see `markdown` and `page`."""
    Path(text_path).write_text(markdown(title, about, sheet), encoding="utf-8")
    Path(page_path).write_text(page(title, about, sheet), encoding="utf-8")
