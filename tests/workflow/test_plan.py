"""What Snakemake would do, for many configs: dry runs."""

from pathlib import Path

import pytest

from tiny import configure, plan, rules
from xrays import write_folder

PREPARATION = ["acquire_phantom", "manifest_images", "preprocess_shard", "preprocess_gather"]
DIVISION = [*PREPARATION, "leakage_pairs", "split_images"]
TRAINING = [*DIVISION, "train_network"]
AUDIT = [
    *("audit_sanity", "audit_faithfulness", "audit_localisation", "audit_checks", "audit_figure")
]
TARGETS = {
    "acquire": PREPARATION[:1],
    "manifest": PREPARATION[:2],
    "preprocess": PREPARATION,
    "split": DIVISION,
    "train": TRAINING,
    "leakage": [
        *(*TRAINING, "leakage_checks", "leakage_figure"),
        *("leakage_sensitivity", "leakage_labels", "leakage_labels_figure"),
    ],
    "datasheet": [*TRAINING, "leakage_checks", "leakage_labels", "datasheet_tables"],
    "baselines": [*DIVISION, "baselines_predictions"],
    "evaluate": [*TRAINING, "evaluate_predictions", "evaluate_figures"],
    "subgroups": [*TRAINING, "evaluate_predictions", "subgroups_metrics", "subgroups_figure"],
    "compare": [*TRAINING, "baselines_predictions", "compare_experiments", "compare_figure"],
    "inspect": [*TRAINING, "inspect_images", "inspect_network"],
    "saliency": [
        *(*TRAINING, "saliency_images", "saliency_maps"),
        *("saliency_agreement", "saliency_figures"),
    ],
    "onnx": [*TRAINING, "onnx_export"],
    "control": [*DIVISION, "control_network", "control_scores"],
    "audit_quick": [*TRAINING, *AUDIT],
    "audit": [*TRAINING, *AUDIT, "audit_memorise", "audit_sanity_figure"],
    "quiz": [
        *(*TRAINING, "evaluate_predictions", *AUDIT[:-1]),
        *("quiz_images", "quiz_maps", "quiz_readers", "quiz_page"),
    ],
}
TARGETS["explore"] = [
    *(*TRAINING, "evaluate_predictions", *AUDIT[:-1], "leakage_labels"),
    *("explore_network", "explore_xrays", "explore_maps", "explore_page"),
]
TARGETS["card"] = [
    *(*TARGETS["datasheet"], "evaluate_predictions", "subgroups_metrics", "leakage_sensitivity"),
    *("baselines_predictions", "compare_experiments", "inspect_network", *AUDIT[:-1]),
    *("run_record", "card_flow", "card_model", "card_checklists"),
]
OWN = ("audit", "control", "onnx")  # no part of a normal run
TARGETS["report"] = [
    *(rule for target in TARGETS if target not in OWN for rule in TARGETS[target]),
    *("predict_reference", "predict_page", "report_page", "report_times", "report_html"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_each_stage_is_a_target(fresh: Path, target: str) -> None:
    assert rules(plan(fresh, target)) == set(TARGETS[target])


def test_one_dry_run_per_source(fresh: Path) -> None:
    write_folder(fresh / "mine")
    (fresh / "labels.csv").write_text("path,label\nmine/effusion/e0.png,1\n")
    sources = {
        "phantom": {"source": "phantom"},
        "archived": {"source": "archive", "url": "https://localhost/x.zip", "sha256": "0" * 64},
        "folder": {"source": "folder", "path": "mine"},
        "table": {"source": "table", "path": "labels.csv"},
        "nih": {"source": "nih", "images": "mine", "labels": "labels.csv"},
    }
    configure(fresh, {"datasets": sources})
    acquired = {}
    for name in sources:
        configure(fresh, {"dataset": name})
        jobs = plan(fresh)
        assert {"manifest_images", "train_network", "run_record"} <= rules(jobs)
        assert {job.output.split("/")[1] for job in jobs} == {name}
        acquired[name] = rules(jobs) & {"acquire_phantom", "acquire_archive"}
    assert acquired == {
        "phantom": {"acquire_phantom"},
        "archived": {"acquire_archive"},
        "folder": set(),
        "table": set(),
        "nih": set(),
    }


def test_one_training_for_each_experiment_and_seed(fresh: Path) -> None:
    configure(fresh, {"seeds": [3, 1, 2]})
    outputs = [job.output for job in plan(fresh) if job.rule == "train_network"]
    assert sorted(output.split(", ")[0] for output in outputs) == [
        f"results/phantom/{experiment}/seed-{seed}/model.keras"
        for experiment in ("lesson", "small")
        for seed in (1, 2, 3)
    ]


def test_images_are_shared_among_as_many_jobs_as_asked_for(fresh: Path) -> None:
    configure(fresh, {"preprocess": {"shards": 3}})
    jobs = plan(fresh, "preprocess")
    assert sorted(job.output for job in jobs if job.rule == "preprocess_shard") == [
        f"results/phantom/shards/{shard}-of-3.npy" for shard in (1, 2, 3)
    ]


def test_strings_of_the_command_line_take_effect_as_numbers(project: Path) -> None:
    """`--config a={b: 1}` hands over strings, and YAML reads 1e-3 as one."""
    same = "experiments={lesson: {learning_rate: 1e-3, epochs: 1}}"
    assert not plan(project, "--config", "seeds=[1]", same)
    other = "experiments={lesson: {learning_rate: 2e-3}}"
    jobs = plan(project, "--config", "seeds=[1,2]", other)
    reasons = {
        tuple(job.output.split("/")[2:4]): job.reason for job in jobs if job.rule == "train_network"
    }
    assert set(reasons) == {("lesson", "seed-1"), ("lesson", "seed-2"), ("small", "seed-2")}
    assert "Params have changed" in reasons["lesson", "seed-1"]
