"""Where the time went: of which jobs the report tells it, and what that makes Snakemake do."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cxr.tables import read_table
from tiny import TINY, configure, finish, plan, rules
from workspace import ROOT

LAST = {"report_times", "report_html"}  # they come after all that is timed
PHANTOM = TINY["datasets"]["phantom"] | {"source": "phantom"}
CONFIGS = {
    "one experiment": {"run": ["small"]},
    "folds, seeds and shards": {
        "split": {"folds": 2},
        "seeds": [1, 2],
        "preprocess": {"shards": 3},
    },
    "other data set": {"datasets": {"other": PHANTOM | {"seed": 9}}, "transfer": ["other"]},
    "shortcut": {"datasets": {"phantom": {"shortcut": {"kind": "tube"}}}},
    "archive": {
        "datasets": {"packed": {"source": "archive", "url": "x.zip", "sha256": "0" * 64}},
        "dataset": "packed",
    },
}


def benchmarks_of_rules() -> dict[str, str]:
    """The pattern of the benchmark file of each rule with a script, as rules/ has it."""
    found = {}
    for file in (ROOT / "rules").glob("*.smk"):
        for body in re.split(r"^ *rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            if "script:" in body:
                path = re.search(r'benchmark:\s+"(results/.*/benchmarks/.*\.tsv)"', body)
                found[body.partition(":")[0]] = path[1] if path else ""
    return found


def test_each_benchmark_file_bears_the_name_of_its_rule() -> None:
    found = benchmarks_of_rules()
    assert {rule: Path(path).stem.partition("-")[0] for rule, path in found.items()} == {
        rule: rule for rule in found
    }
    assert {"train_network", "train_pool", *LAST} <= set(found)


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=[*CONFIGS])
def test_the_times_are_of_every_job_of_a_run(fresh: Path, changes: dict) -> None:
    configure(fresh, changes)
    with (fresh / "Snakefile").open("a") as file:
        file.write('\nprint("listed:", __import__("json").dumps(benchmarks()))\n')
    text = finish(fresh, "--dry-run", "--quiet=host")
    listed = json.loads(re.search(r"^listed: (.*)$", text, re.MULTILINE)[1])
    patterns = benchmarks_of_rules()
    expected = set()
    for rule, block in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, re.MULTILINE):
        if rule in patterns and rule not in LAST:
            values = re.search(r"^    wildcards: (.*)", block, re.MULTILINE)[1].split(", ")
            expected.add(patterns[rule].format(**dict(value.split("=", 1) for value in values)))
    assert len(listed) == len(set(listed))
    others = "results/other/"  # their preparation
    assert set(listed) == {path for path in expected if not path.startswith(others)}


def test_a_run_leaves_the_times_of_its_jobs(finished: Path) -> None:
    results = finished / "results" / "phantom"
    table = read_table(results / "times.csv", "times")
    written = [path.relative_to(results / "benchmarks") for path in results.rglob("*.tsv")]
    assert {path.with_suffix("").as_posix() for path in written} == {*table["job"], *LAST}
    assert (table["seconds"] > 0).all()
    assert table["memory_mb"].max() > 100
    assert len(table.loc[table["rule"] == "train_network"]) == len(TINY["run"])


def test_lost_benchmark_files_rerun_nothing(project: Path) -> None:
    shutil.rmtree(project / "results" / "phantom" / "benchmarks")
    assert plan(project) == []


def test_another_choice_of_experiments_shows_their_jobs_alone(project: Path) -> None:
    configure(project, {"run": ["small"]})
    finish(project, "results/phantom/times.png")
    table = read_table(project / "results" / "phantom" / "times.csv", "times")
    assert not table["job"].str.startswith("lesson/").any()
    assert table["job"].str.startswith("small/").any()


def test_edited_times_redo_the_report_alone(project: Path) -> None:
    script = project / "scripts" / "report_times.py"
    script.write_text(script.read_text() + "# edited\n")
    assert rules(plan(project)) == LAST
