"""What a page of docs/ names: commands, paths, keys and links, to be looked up in the project."""

import re
from pathlib import Path

from cxr.config import SCHEMA, keys
from workspace import ROOT, project_files

BLOCK = r"^```(\w+)\n(.*?)^```$"


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of code of one kind, such as "sh"."""
    found = re.findall(BLOCK, page, flags=re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == kind]


def lines(page: str) -> list[str]:
    """The lines that people are told to type."""
    return [line for body in blocks(page, "sh") for line in body.splitlines()]


def prose(page: str) -> str:
    """The page without its blocks of code."""
    return re.sub(BLOCK, "", page, flags=re.MULTILINE | re.DOTALL)


def spans(page: str) -> list[str]:
    """What stands in code within the text, each once."""
    return sorted(set(re.findall(r"`([^`\n]+)`", prose(page))))


def links(page: str) -> list[str]:
    """Where the page's links lead, those into the web left out."""
    return sorted(set(re.findall(r"\]\((?!https:)([^)]+)\)", prose(page))))


def leads_somewhere(link: str, page: str) -> bool:
    """Whether a link of a page of docs/ leads to a file or folder of the project, and a heading."""
    path, _, name = link.partition("#")
    target = (ROOT / "docs" / (path or page)).resolve()
    if target.relative_to(ROOT) not in {Path("docs"), *project_files()}:
        return False
    if not name:
        return True
    headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return name in map(anchor, headings)


def anchor(heading: str) -> str:
    """The name that a heading gets in a link, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def rules() -> set[str]:
    """The names of all rules."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk")]
    return set(re.findall(r"^rule (\w+):", "\n".join(texts), flags=re.MULTILINE))


def words_of_config() -> set[str]:
    """Keys, with and without their path, sections, and values to choose from."""
    known = {path for path, _ in keys()} | {path.split(".")[-1] for path, _ in keys()}
    known |= {str(value) for _, schema in keys() for value in schema.get("enum", ())}
    return known | set(SCHEMA["properties"])
