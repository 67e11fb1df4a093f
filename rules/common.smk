"""What the rules share: the checked config, modules as inputs, paths of the chosen data set."""

import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.io import IOFile

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "scripts"))

from cxr.acquired import changes
from cxr.config import load
from cxr.config.prediction import named_after, trained_here
from cxr.errors import UserError
from cxr.files import sha256_of
from cxr.fingerprint import fingerprint, watched
from cxr.methods import CONTROLS
from cxr.model_file import metrics_of, reference_of
from cxr.modules import imported
from cxr.permuted import memorising
from cxr.words import run_name
from cxr.workplace import (
    check_folders,
    check_lock,
    check_queue,
    check_recorded,
    check_triggers,
)


def is_fetched(dataset):
    """Whether pleura itself puts the images of a data set, as in the config, into data/."""
    return dataset["source"] in ("phantom", "archive") or bool(dataset.get("archives"))


def checked_config():
    """The config with its defaults, once the folder is fit for a run; or an end with a message."""
    try:
        checked = load(config, ROOT, workflow.configfiles)
        dataset = checked["dataset"]
        check_folders(ROOT, dataset, is_fetched(checked["datasets"][dataset]))
        return checked
    except UserError as error:
        sys.exit(str(error))  # a WorkflowError would add where in this file it was raised


config = checked_config()


@cache
def check_run(dataset):
    """End a run that would meet another one, or take old results for new.

    Called by an input function: Snakemake knows its own options only while it plans, and locks
    the folder after that.
    """
    if not workflow.is_main_process or workflow.execution_settings is None or workflow.touch:
        return  # a job of a run, or no run at all (--unlock, --report)
    found = [*Path("results", dataset).rglob("*")]
    made = [str(path) for path in found if path.name in RECORDED and path.is_file()]
    begun = workflow.persistence._filter_incomplete_keys(made)
    known = workflow.persistence.metadata
    try:
        check_triggers(map(str, workflow.rerun_triggers))
        if not workflow.dryrun and workflow.execution_settings.lock:
            check_queue(ROOT, dataset)
            check_lock(ROOT, dataset)
        check_recorded(
            dataset, [path for path in made if path not in begun and not known(IOFile(path))]
        )
    except UserError as error:
        sys.exit(str(error))


FOLDS = [f"fold-{number}" for number in range(1, (config["split"]["folds"] or 0) + 1)]
SEEDS = [f"seed-{seed}" for seed in config["seeds"]]
PERMUTATIONS = [1, 2, 3]
RUNS = [f"{seed}/{fold}" for seed in SEEDS for fold in FOLDS] or SEEDS  # a network each
QUICK = {"audit": False, "audit-quick": True}
READERS = "data/readers"
RECORDED = {"manifest.csv", "images.npy", "split.csv", "model.keras", "predictions.csv"}
AUDITED = list(dict.fromkeys([*config["saliency"]["methods"], *CONTROLS]))
PLANTED = [
    name
    for name, dataset in config["datasets"].items()
    if dataset["source"] == "phantom" and dataset["shortcut"]["kind"] != "none"
]
AUDIT_FIGURES = ["verdict", *["shortcut"] * (config["dataset"] in PLANTED)]


wildcard_constraints:
    dataset="|".join(config["datasets"]),
    experiment="|".join(config["experiments"]),
    seed=r"\d+",
    run=r"seed-\d+/fold-\d+" if FOLDS else r"seed-\d+",
    audit="audit|audit-quick",


def modules(script):
    """The modules of scripts/cxr that a script imports: inputs, so that an edit reruns the rule."""
    paths = imported(ROOT / "scripts" / f"{script}.py", ROOT / "scripts")
    return [str(path.relative_to(ROOT)) for path in paths]


def any_of(names):
    """A regular expression for these names."""
    return "|".join(names) or "(?!)"


def datasets_from(source):
    """A regular expression for the names of the data sets with this source."""
    return any_of(
        name for name, dataset in config["datasets"].items() if dataset["source"] == source
    )


def results(pattern, **values):
    """The paths of a result for the chosen data set, its experiments, seeds and other values."""
    chosen = {
        "dataset": config["dataset"],
        "experiment": config["run"],
        "seed": config["seeds"],
        "run": RUNS,
    }
    return expand(f"results/{{dataset}}/{pattern}", **{**chosen, **values})


def of_main(file):
    """The path, with the wildcard dataset, of a file of the main experiment's first network."""
    main = {"experiment": config["main"], "seed": config["seeds"][0], "run": RUNS[0]}
    return expand(f"results/{{dataset}}/{file}", **main, allow_missing=True)[0]


def by_fold(file):
    """The paths, with wildcards, of a file that each network of a seed has: one without folds."""
    folder = "results/{dataset}/{experiment}/seed-{seed}"
    return [f"{folder}/{fold}/{file}" for fold in FOLDS] or [f"{folder}/{file}"]


def seed_of(wildcards):
    """The seed of a run."""
    return int(re.search(r"seed-(\d+)", wildcards.run)[1])


def name_of(wildcards):
    """A run in words, for the progress lines."""
    return f"{wildcards.experiment} {run_name(wildcards.run)}"


def fold_of(wildcards):
    """The fold of a run, the first where it is about none in particular; None without folds."""
    run = wildcards.get("run", RUNS[0])
    return int(re.search(r"fold-(\d+)", run)[1]) if FOLDS else None


def facts_of(wildcards):
    """What a run's network says of itself, as far as the config knows it."""
    return {
        "image": {key: config["image"][key] for key in ("size", "resize")},
        "dataset": wildcards.dataset,
        "source": config["datasets"][wildcards.dataset]["source"],
        "experiment": wildcards.experiment,
        "seed": seed_of(wildcards),
        "fold": fold_of(wildcards),
    }


def acquired(dataset):
    """The file that says a data set's images are there; none where the images are the user's."""
    fetched = is_fetched(config["datasets"][dataset])
    return [f"data/{dataset}/acquired.json"] if fetched else []


def archives(dataset):
    """The archives that a data set is made of: folder in data/<dataset>/, url, sha256, its key."""
    given, key = config["datasets"][dataset], f"datasets.{dataset}"
    if given["source"] == "archive":
        return [dict(folder="", url=given["url"], sha256=given["sha256"], key=f"{key}.sha256")]
    return [
        dict(archive, folder=f"images_{number:03}", key=f"{key}.archives[{number - 1}].sha256")
        for number, archive in enumerate(given.get("archives", ()), start=1)
        if number in (given["which"] or [number])
    ]


def images_of(wildcards):
    """What the manifest waits for, once it is sure that a run may begin."""
    check_run(wildcards.dataset)
    return acquired(wildcards.dataset)


def state_of_images(wildcards):
    """What the manifest's inputs look like: a parameter, so that a changed folder reruns it."""
    dataset = config["datasets"][wildcards.dataset]
    return changes(f"data/{wildcards.dataset}") + fingerprint(watched(dataset))


def predicted_page(wildcards):
    """The page of the new images that the config names."""
    if not config["input"]:
        sys.exit(
            "predict: which X-rays? Name an image or a folder of images, such as\n"
            "  snakemake --cores 4 predict --config input=/path/to/xrays"
        )
    check_run("predict")
    return f"results/predict/{config['name'] or named_after(config['input'])}/predictions.html"


def new_images(wildcards):
    """The image or folder to predict: by a function, as braces in its name are no wildcards."""
    return config["input"]


def state_of_new_images(wildcards):
    """What the images to predict look like: a parameter, so that changed ones are predicted anew."""
    return fingerprint(config["input"])


def network_for_new_images(wildcards):
    """The network to predict with, and what there is beside it: metrics, what it learned from."""
    model = config["model"] or of_main("{experiment}/{run}/model.keras").format(
        dataset=config["dataset"]
    )
    near = os.path.relpath(model, ROOT)
    ours = trained_here(near, config)
    model = near if ours else model
    beside = {"metrics": metrics_of(model), "reference": reference_of(model)}
    return {"model": model} | {
        name: str(path) for name, path in beside.items() if ours or path.exists()
    }


def content_of(file):
    """The checksum of a user's file: a parameter, so that an older copy of it counts as new."""
    return sha256_of(Path(file)) if file else None


def needs(base, **rates):
    """A function of a job that says how much of a resource it needs.

    `base`, and for each of its inputs that is named so much per MB of it; as many times that as
    attempts were made, so that a job that Slurm ended for want of it gets more.
    """

    def amount(wildcards, input, attempt):
        return round(
            attempt * (base + sum(rate * size(input[name]) for name, rate in rates.items()))
        )

    def size(files):
        return sum(map(os.path.getsize, [files] if isinstance(files, str) else files)) / 1e6

    return amount


def minutes_to_draw(wildcards, attempt):
    """Minutes that drawing phantoms takes at the most."""
    dataset = config["datasets"][wildcards.dataset]
    pixels = (dataset["normal"] + dataset["effusion"]) * dataset["size"] ** 2
    return round(attempt * (20 + pixels / 1e8))


def memory_for_shard(wildcards, input, attempt):
    """MB that preparing one part of the images takes, among them the array that it writes."""
    with open(input.manifest) as table:
        images = sum(1 for line in table)
    share = images / config["preprocess"]["shards"]
    return round(attempt * (2000 + 4e-6 * share * config["image"]["size"] ** 2))


def memory_for_maps(wildcards, attempt):
    """MB that mapping takes: what the config gives it, and more where one image needs more."""
    side = config["experiments"][wildcards.experiment]["input_size"] or config["image"]["size"]
    return round(attempt * (1500 + 4 * max(config["saliency"]["memory"], 100 * (side / 512) ** 2)))


def audited(key):
    """A function of the audit's folder that says how much of something it takes."""
    return lambda wildcards: config["audit"][f"quick_{key}" if QUICK[wildcards.audit] else key]


def other_seeds(wildcards):
    """The networks of the same experiment and fold with another seed."""
    fold = wildcards.run.partition("/")[2]
    runs = [run for run in RUNS if run != wildcards.run and run.partition("/")[2] == fold]
    return [f"results/{{dataset}}/{{experiment}}/{run}/model.keras" for run in runs]


def memorising_recipe(wildcards):
    """The recipe by which an experiment's network memorises permuted labels."""
    return memorising(config["experiments"][wildcards.experiment])


def memorised(file):
    """A file, with wildcards, of the network that memorised labels; none for the smaller audit."""
    path = f"results/{{dataset}}/{{experiment}}/{{run}}/audit/permutation-{PERMUTATIONS[0]}/{file}"
    return lambda wildcards: [] if QUICK[wildcards.audit] else [path]


def shortcut_tables(wildcards):
    """The tables of a planted shortcut; none for a data set without one."""
    path = "results/{dataset}/{experiment}/{run}/{audit}/{table}.csv"
    planted = wildcards.dataset in PLANTED
    return expand(path, table=["shortcut", "shortcut_use"] if planted else [], **wildcards)


def benchmarks():
    """The benchmark files of a normal run's jobs, but for the last two, which come after them."""
    dataset, others = config["datasets"][config["dataset"]], config["transfer"]
    acquire = "phantom" if dataset["source"] == "phantom" else "archive"
    once = [
        *[f"acquire_{acquire}"] * is_fetched(dataset),
        "manifest_images",
        *gather.preprocess("preprocess_shard-{scatteritem}"),
        "preprocess_gather",
        *["leakage_pairs", "leakage_checks", "leakage_figure", "leakage_sensitivity"],
        *["leakage_labels", "leakage_labels_figure"],
        *["split_images", "baselines_predictions", "compare_experiments", "compare_figure"],
        *[f"transfer_overlap-{other}" for other in others],
        *["transfer_metrics", "transfer_figure"] * bool(others),
        *["datasheet_tables", "inspect_images", "saliency_images"],
        *["quiz_images", "quiz_readers", "quiz_page", "predict_page"],
        *["explore_xrays", "explore_maps", "explore_page"],
        *["run_record", "card_flow", "report_page"],
    ]
    of_seed = [
        *["train_pool"] * bool(FOLDS),
        *["evaluate_predictions", "evaluate_figures", "subgroups_metrics", "subgroups_figure"],
        *[f"transfer_predictions-{other}" for other in others],
    ]
    of_main_run = ["quiz_maps", "explore_network", "predict_reference"]
    of_audit = [
        *["audit_sanity", "audit_faithfulness", "audit_localisation"],
        *["audit_shortcut", "audit_shortcut_figure"] * (config["dataset"] in PLANTED),
        *["audit_checks", "audit_figure"],
    ]
    mapped = ["saliency_maps", "saliency_agreement", "saliency_figures"]
    main = {"experiment": config["main"], "run": RUNS[0]}
    return [
        *results("benchmarks/{job}.tsv", job=once),
        *results("benchmarks/{experiment}/inspect_network.tsv"),
        *results("benchmarks/{experiment}/{run}/train_network.tsv"),
        *results("benchmarks/{experiment}/seed-{seed}/{job}.tsv", job=of_seed),
        *results("benchmarks/{experiment}/{run}/{job}.tsv", run=RUNS[0], job=mapped),
        *results("benchmarks/{experiment}/{run}/audit-quick/{job}.tsv", job=of_audit, **main),
        *results("benchmarks/{experiment}/{run}/{job}.tsv", job=of_main_run, **main),
        *results(
            "benchmarks/{experiment}/{job}.tsv", job=["card_model", "card_checklists"], **main
        ),
    ]


def drawn_again(wildcards):
    """What phantoms are drawn from again, with the mark of their shortcut and without."""
    dataset = config["datasets"][wildcards.dataset]
    numbers = {key: dataset[key] for key in ("normal", "effusion", "size", "seed")}
    return numbers | {"shortcut": dataset["shortcut"]["kind"]}
