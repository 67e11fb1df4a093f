"""docs/lesson.md stays true: what it names exists, what it tells people to type works."""

import copy
import re
import shlex
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import pages
from cxr.config import SCHEMA, load
from workspace import ROOT, copy_project, project_files, snakemake

PAGE = (ROOT / "docs" / "lesson.md").read_text(encoding="utf-8")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SPANS, LINKS, LINES = pages.spans(PAGE), pages.links(PAGE), pages.lines(PAGE)
OVERLAYS = {body.split(":")[0].removeprefix("# "): body for body in pages.blocks(PAGE, "yaml")}
COMMANDS = [line for line in [*LINES, *SPANS] if line.startswith("snakemake ")]
NOT_OURS = {
    "ImageDataGenerator",
    "[35:45, 30:40]",
    "&lesson",
    "<<: *lesson",
}  # the lesson's, YAML's


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the page's config files in it."""
    root = copy_project(tmp_path_factory.mktemp("lesson") / "pleura")
    for name, body in OVERLAYS.items():
        (root / name).write_text(body, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def outputs(project: Path) -> set[str]:
    """What the workflow writes for the default config, relative to the project's root."""
    stages = ("all", "inspect", "saliency", "report")
    run = snakemake(project, "--cores=1", "--summary", *stages)
    assert run.returncode == 0, run.stderr
    return {line.split("\t")[0] for line in run.stdout.splitlines()[1:]}


def merged(body: str) -> dict:
    """config.yaml with one of the page's config files, merged as Snakemake does."""
    config = copy.deepcopy(CONFIG)
    update_config(config, yaml.safe_load(body))
    return config


def words_of_config() -> set[str]:
    """Keys, sections, values to choose from, and names of experiments and data sets."""
    known = pages.words_of_config()
    for config in (CONFIG, *map(merged, OVERLAYS.values())):
        known |= {*config["experiments"], *config["datasets"]}
    return known


def says(span: str) -> bool:
    """Whether `span` is a key of the config with a value: image.resize: bilinear."""
    path, colon, value = span.partition(": ")
    if not colon:
        return False
    body = yaml.safe_load(value)
    for key in reversed(path.split(".")):
        body = {key: body}
    recipe = {"experiments": {CONFIG["main"]: body}}
    section = body if path.split(".")[0] in SCHEMA["properties"] else recipe
    load(merged(yaml.safe_dump(section)), ROOT)
    return True


def test_the_page_has_what_these_tests_look_for() -> None:
    assert len(SPANS) > 60
    assert len(LINKS) >= 15
    assert len(OVERLAYS) >= 4
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_somewhere(link: str) -> None:
    assert pages.leads_somewhere(link, "lesson.md")


@pytest.mark.parametrize("name", OVERLAYS)
def test_config_files_are_accepted(name: str) -> None:
    assert re.fullmatch(r"[a-z]+\.yaml", name)
    assert load(merged(OVERLAYS[name]), ROOT)["run"]


def test_the_recipe_that_exercises_start_from_is_the_lessons() -> None:
    """Otherwise the first command would train the lesson's network anew, by another recipe."""
    for body in OVERLAYS.values():
        lesson = yaml.safe_load(body).get("experiments", {}).get("lesson")
        assert lesson in (None, CONFIG["experiments"]["lesson"])


def test_everything_in_code_exists(outputs: set[str]) -> None:
    files = {str(path) for path in project_files()}
    known = pages.rules() | words_of_config() | set(OVERLAYS) | NOT_OURS | set(COMMANDS) | files
    written = {path.removeprefix("results/phantom/") for path in outputs}
    known |= written | {Path(path).name for path in written}
    known |= {f"{folder}/" for path in written for folder in Path(path).parents}
    known |= {
        path.replace("lesson/seed-42", f"{experiment}/seed-1")
        for path in written
        for body in OVERLAYS.values()
        for experiment in merged(body)["run"]
    }
    known |= {f"results/{name}/" for name in CONFIG["datasets"]}
    known |= {f"data/phantom/{name}/" for name in ("effusion", "normal")}
    known |= {f"make {target}" for target in re.findall(r"^([a-z-]+):", _makefile(), re.MULTILINE)}
    assert [span for span in SPANS if span not in known and not says(span)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_snakemake_accepts_each_command(project: Path, command: str) -> None:
    run = snakemake(project, "--dry-run", *shlex.split(command, comments=True)[1:])
    assert run.returncode == 0, run.stdout + run.stderr
    assert "train_network" in run.stdout or "inspect_images" in run.stdout


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("snakemake ")])
def test_other_commands_exist(line: str) -> None:
    if line.startswith("make "):
        assert re.search(rf"^{line.split()[1]}:", _makefile(), flags=re.MULTILINE)
    else:
        assert line == "source .venv/bin/activate"


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")
