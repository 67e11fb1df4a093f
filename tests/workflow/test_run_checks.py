"""The folder of a run: what stands in the way, another run, results that nobody vouches for."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tiny import call, causes, configure, finish, plan, refuse, rules


def file_for_results(root: Path) -> str:
    shutil.rmtree(root / "results")
    (root / "results").write_text("mine")
    return "  results has to be a folder and is a file."


def dead_link_for_data(root: Path) -> str:
    shutil.rmtree(root / "data")
    (root / "data").symlink_to("nowhere")
    return "  data is a link to nowhere, which is not there."


def file_for_records(root: Path) -> str:
    (root / ".snakemake").mkdir()
    (root / ".snakemake" / "metadata").write_text("mine")
    return "  .snakemake/metadata has to be a folder and is a file."


@pytest.mark.parametrize("spoil", [file_for_results, dead_link_for_data, file_for_records])
def test_folder_in_which_a_run_cannot_work(fresh: Path, spoil: Callable[[Path], str]) -> None:
    assert spoil(fresh) in refuse(fresh, "manifest")


def test_results_and_data_may_be_links_to_another_disk(fresh: Path, tmp_path: Path) -> None:
    for name in ("data", "results"):
        shutil.move(fresh / name, tmp_path / f"big {name}")
        (fresh / name).symlink_to(tmp_path / f"big {name}")
    finish(fresh, "manifest")
    assert (tmp_path / "big results/phantom/manifest.csv").exists()
    assert plan(fresh, "manifest") == []


def test_triggers_that_would_miss_another_config(project: Path) -> None:
    configure(project, {"experiments": {"small": {"epochs": 3}}})
    text = refuse(project, "--rerun-triggers", "mtime")
    assert "--rerun-triggers leaves out input, params: " in text
    jobs = plan(project, "--rerun-triggers", "mtime", "params", "input")
    assert set(causes(jobs)) == {"train_network"}


def test_results_without_their_record(project: Path) -> None:
    """As when results/ is copied from another machine and .snakemake/ is not."""
    shutil.rmtree(project / ".snakemake")
    text = refuse(project)
    assert "results/phantom/ was copied here, or .snakemake/ was deleted or damaged" in text
    finish(project, "--touch", "--forceall")
    assert plan(project) == []
    configure(project, {"image": {"size": 65}})
    assert "preprocess_shard" in rules(plan(project))


def test_damaged_records(project: Path) -> None:
    for path in (project / ".snakemake" / "metadata").rglob("*"):
        if path.is_file():
            path.write_text('{"rule": ')
    assert "was deleted or damaged" in refuse(project)


def test_edited_result_is_kept_and_followed(project: Path) -> None:
    split = project / "results" / "phantom" / "split.csv"
    split.write_text(split.read_text().replace("validation", "test", 1))
    jobs = plan(project)
    assert "train_network" in causes(jobs)
    assert "split_images" not in rules(jobs)


def test_older_copy_of_the_users_split_counts_as_new(project: Path) -> None:
    """Snakemake by itself looks whether an input is newer."""
    split = project / "results" / "phantom" / "split.csv"
    own, older = project / "own.csv", project / "older.csv"
    shutil.copy2(split, own)
    shutil.copy2(split, older)
    older.write_text(own.read_text().replace("validation", "test", 1))
    configure(project, {"split": {"file": "own.csv"}})
    finish(project, "split")
    assert plan(project, "split") == []
    own.write_text(older.read_text())
    os.utime(own, (1, 1))
    assert set(causes(plan(project, "split"))) == {"split_images"}


def test_killed_run_says_how_to_go_on(fresh: Path) -> None:
    """A lock that no process stands behind."""
    finish(fresh, "acquire")
    locks = fresh / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/phantom/manifest.csv\n")
    text = refuse(fresh, "manifest")
    assert "An earlier run on results/phantom/ was killed" in text
    assert "`snakemake --unlock`" in text
    assert call(fresh, "manifest", "--dry-run").status == 0
    finish(fresh, "--unlock")
    finish(fresh, "manifest")
