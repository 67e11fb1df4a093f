"""Write docs/config.md, the reference of every key, from schemas/config.schema.yaml.

Run `python scripts/docs_config.py` after a change of the schema; a test fails until it is done.
"""

import json
from pathlib import Path

from cxr.config import allowed, keys

HEADER = """\
<!-- Written from schemas/config.schema.yaml by: python scripts/docs_config.py -->

# Configuration

Every key that pleura knows. `config.yaml` shows the ones that people change; what is left out
takes its default. Change a key there, in a small file of your own, or on the command line:

```sh
snakemake --cores 4 --configfile mine.yaml
snakemake --cores 4 --config dataset=chest_xrays seeds=[1,2]
snakemake --cores 4 --config "experiments={lesson: {epochs: 20, learning_rate: 1e-3}}"
```

These are merged into `config.yaml` key by key: an experiment or a data set can be added or changed
in this way, not removed; a list is replaced as a whole. Paths start from the project's root,
`~` is your home folder.

`<name>` stands for a name that you choose: lower-case letters, digits, `-` and `_`, beginning with
a letter. `<folder>` and the like stand for the name of a data set with that source.

All mistakes are reported at once, each with its key, the value found and what is allowed.
"""


def reference() -> str:
    """The page in Markdown: a table for each section, a row for each key."""
    sections: dict[str, list[str]] = {"": []}
    titles = {"": "Keys without a section."}
    for path, sub in keys():
        is_section = "properties" in sub or isinstance(sub.get("additionalProperties"), dict)
        if is_section and ("." not in path or path.endswith(">")):
            sections[path], titles[path] = [], sub["description"]
        else:
            section = _section(path)
            sections[section].append(_row(path.removeprefix(f"{section}."), sub))
    parts = [_part(name, titles[name], rows) for name, rows in sections.items()]
    return "\n".join([HEADER, *parts])


def _section(path: str) -> str:
    """The section that a key is listed in: its data set or experiment, or its first word."""
    if ">." in path:
        return path[: path.index(">") + 1]
    return path.split(".")[0] if "." in path else ""


def _part(name: str, description: str, rows: list[str]) -> str:
    head = f"## {f'`{name}`' if name else 'Top level'}\n\n{description}\n"
    table = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |", *rows]
    return head + ("\n" + "\n".join(table) + "\n" if rows else "")


def _row(key: str, schema: dict) -> str:
    default = f"`{json.dumps(schema['default'])}`" if "default" in schema else "required"
    if schema.get("default") == {}:
        default = ""
    cells = [f"`{key}`", allowed(schema), default, schema["description"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    page = Path(__file__).resolve().parents[1] / "docs" / "config.md"
    page.write_text(reference(), encoding="utf-8")
