"""What a model card tells of an experiment's networks, item by item.

After Mitchell et al., Model Cards for Model Reporting (FAT* 2019). What it says of the data is
taken from the data sheet, every number from the tables of the run.
"""

from typing import Any

import pandas as pd

from cxr.limits import limits_of
from cxr.methods import CONTROLS, method_name
from cxr.sheets import NOT_GIVEN
from cxr.startpage_result import interval_text
from cxr.summaries import SUBSETS
from cxr.verdicts import in_words, standing
from cxr.words import count

METRICS = {  # of comparison.csv, in words
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "auprc": "area under the precision-recall curve",
    "brier": "Brier score",
    "ece": "expected calibration error",
}
NETWORK = (  # keys of an experiment that say what is trained; the others say how
    *("input_size", "filters", "kernels", "strides", "batch_norm", "pooling", "activation"),
    *("head", "dense", "dropout"),
)
OF_DATA = {  # items of the data sheet
    "Origin": ("data set", "collection", "place"),
    "Composition": ("X-rays", "views", "sizes, pixels", "places of findings"),
    "Patients": None,
    "Labels": None,
    "Cleaning": None,
    "Use": ("licence", "citation"),
}
RENAMED = {"made by": "labels made by", "known noise": "known noise of the labels"}
KEPT = {
    "suspected": "images of one patient, copies, and images that seem to be of one person",
    "duplicates": "images of one patient, and copies",
    "patients": "images of one patient",
    "images": "none",
}


def rows(
    record: dict[str, Any],
    parameters: int,
    software: dict[str, Any],
    prescribed: bool,
    datasheet: pd.DataFrame,
    comparison: pd.DataFrame,
    scores: dict[str, Any],
    subgroups: pd.DataFrame,
    checks: pd.DataFrame,
    leakage: pd.DataFrame,
    sensitivity: pd.DataFrame,
    transfer: pd.DataFrame | None,
) -> pd.DataFrame:
    """Every item of the model card of the main experiment, as model_card.csv.

    Args:
        record: run.json.
        parameters: Number of weights of its network.
        software: CITATION.cff.
        prescribed: Whether the data set brings its own split.
        datasheet, comparison, leakage: The tables of these names.
        scores: metrics.json of its first seed.
        subgroups, checks: The tables of these names of its first seed; checks of the small audit.
        sensitivity: leakage_sensitivity.csv.
        transfer: transfer.csv, or None where there are no other data sets.
    """
    config = record["config"]
    name = config["main"]
    own = comparison[comparison["experiment"] == name]
    held = own["subset"].iloc[0]
    cells = scores[held]["confusion"]
    effusions = cells["tp"] + cells["fn"]
    source = config["datasets"][record["dataset"]]["source"]
    sections = {
        "Model": model(record, parameters),
        "Intended use": intended_use(),
        "Data": data(datasheet),
        "Division": division(config["split"], prescribed, datasheet),
        "Training": training(config),
        "Results": results(own, scores, len(config["seeds"])),
        "Beside others": beside_others(comparison, name),
        "Other data sets": {} if transfer is None else other_data_sets(transfer, name),
        "Subgroups": by_group(subgroups),
        "Mistakes": mistakes(cells),
        "Saliency": saliency(checks),
        "Leakage": leaks(leakage, sensitivity[sensitivity["experiment"] == name]),
        "Limits": numbered(limits_of(source, scores[held]["n"], effusions)),
        "Licence": licence(software, datasheet),
        "Do it again": again(record),
    }
    return pd.DataFrame(
        [
            (section, item, str(value) or NOT_GIVEN)
            for section, items in sections.items()
            for item, value in items.items()
        ],
        columns=["section", "item", "value"],
    )


def model(record: dict[str, Any], parameters: int) -> dict[str, str]:
    """What the network is, what goes in and what comes out."""
    config, name = record["config"], record["config"]["main"]
    folds = config["split"]["folds"]
    return {
        "name": f"{name}, trained on {record['dataset']}",
        "task": "to tell frontal chest X-rays with a pleural effusion from those without one",
        "kind": f"convolutional network of {count(parameters, 'parameter')} (Keras)",
        "input": f"one grey image of {side(config)} x {side(config)} pixels, float32, with mean 0 "
        "and standard deviation 1",
        "output": "the probability of an effusion, 0 to 1",
        "networks": f"one for each seed ({', '.join(map(str, config['seeds']))})"
        + (f" and each of {folds} folds" if folds else ""),
        "files": f"results/{record['dataset']}/{name}/: model.keras of each network",
    }


def side(config: dict[str, Any]) -> int:
    """Side of the images that the main experiment's network takes, pixels."""
    return config["experiments"][config["main"]]["input_size"] or config["image"]["size"]


def intended_use() -> dict[str, str]:
    """What the network is for, and what it must not be used for."""
    return {
        "meant for": "research and teaching only: to study how such a network is trained, measured "
        "and explained",
        "users": "researchers, teachers and learners",
        "not for": "the care of patients: it is not a medical device; nor lateral views, or "
        "telling an effusion from other findings",
    }


def data(datasheet: pd.DataFrame) -> dict[str, str]:
    """What the data sheet says of the X-rays, in part."""
    chosen = [
        row
        for row in datasheet.itertuples()
        if row.section in OF_DATA
        and (OF_DATA[row.section] is None or row.item in OF_DATA[row.section])
    ]
    return {RENAMED.get(row.item, row.item): row.value for row in chosen}


def division(split: dict[str, Any], prescribed: bool, datasheet: pd.DataFrame) -> dict[str, str]:
    """How the images were divided, and the parts.

    Args:
        split: `split` of the config.
        prescribed: Whether the data set brings its own split.
        datasheet: datasheet.csv.
    """
    if split["file"] or prescribed:
        told = {"made by": split["file"] or "the data set, which brings its own split"}
    else:
        alike = ", with the same share of effusions in each part" if split["stratify"] else ""
        told = {
            "made by": f"pleura, at random (seed {split['seed']}){alike}",
            "kept in one part": KEPT[split["together"]],
        }
    folds = {"cross-validation": count(split["folds"], "fold")} if split["folds"] else {}
    parts = datasheet[datasheet["section"] == "Split"]
    return told | folds | dict(zip(parts["item"], parts["value"], strict=True))


def training(config: dict[str, Any]) -> dict[str, str]:
    """The recipe of the main experiment, every key of it."""
    recipe = config["experiments"][config["main"]]
    how = {key: value for key, value in recipe.items() if key not in (*NETWORK, "augment")}
    kept = {"best": "the one with the lowest validation loss", "last": "the last"}
    return {
        "start": "random weights; nothing was learned before",
        "network": _settings({key: recipe[key] for key in NETWORK}),
        "recipe": _settings(how),
        "augmentation": _settings(recipe["augment"]) if any(recipe["augment"].values()) else "none",
        "epoch kept": kept[recipe["keep"]],
        "threshold": _threshold(config["evaluate"]["threshold"]),
        "backend": config["backend"],
    }


def _settings(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {_setting(value)}" for key, value in values.items())


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _threshold(rule: Any) -> str:
    chosen = "0.5, not chosen" if str(rule) == "0.5" else f"chosen on validation images: {rule}"
    return f"{chosen}; an image at or above it is called an effusion"


def results(own: pd.DataFrame, scores: dict[str, Any], seeds: int) -> dict[str, str]:
    """Each metric on the held-out images, with its 95 % interval.

    Args:
        own: The rows of comparison.csv of the experiment.
        scores: metrics.json of its first seed.
        seeds: Number of seeds.
    """
    first = own.iloc[0]
    test = scores[first["subset"]]
    cells = test["confusion"]
    told = {
        "tested on": f"{count(first['n'], f'{SUBSETS[first.subset]} X-ray')}, "
        f"{cells['tp'] + cells['fn']:,} with an effusion, which it did not see in training",
        "threshold": f"{scores['threshold']:.2f} (first seed)",
        "intervals": f"95 %, over {'patients' if test['patients'] else 'images'}"
        + (f"; values are means over {seeds} seeds" if seeds > 1 else ""),
    }
    known = own.set_index("metric")
    for metric, words in METRICS.items():
        row = known.loc[metric]
        text = interval_text(row["value"], row["low"], row["high"], ".3f")
        spread = "" if pd.isna(row["seed_sd"]) else f", standard deviation {row['seed_sd']:.3f}"
        told[words] = f"{text}, n = {row['n']}{spread}"
    return told


def beside_others(comparison: pd.DataFrame, name: str) -> dict[str, str]:
    """How the AUROC compares with that of the first experiment and of the baselines."""
    aurocs = comparison[comparison["metric"] == "auroc"]
    own = aurocs[aurocs["experiment"] == name].iloc[0]
    first = aurocs["experiment"].iloc[0]
    told = {}
    if own["verdict"]:
        gap = own["difference"], own["difference_low"], own["difference_high"]
        told[f"AUROC minus that of {first}"] = f"{interval_text(*gap, '+.3f')}: {own['verdict']}"
    if own["above_verdict"]:
        gap = own["above_thumbnail"], own["above_thumbnail_low"], own["above_thumbnail_high"]
        told["AUROC minus that of an 8 x 8 thumbnail"] = (
            f"{interval_text(*gap, '+.3f')}: {own['above_verdict']}"
        )
    for row in aurocs[aurocs["experiment"] != name].itertuples():
        text = interval_text(row.value, row.low, row.high, ".3f")
        told[f"AUROC of {row.experiment}"] = f"{text}, n = {row.n}"
    return told


def other_data_sets(transfer: pd.DataFrame, name: str) -> dict[str, str]:
    """The AUROC on data sets that the networks did not learn from; see transfer.csv."""
    rows = transfer[
        (transfer["experiment"] == name)
        & (transfer["metric"] == "auroc")
        & (transfer["subset"] == "all")
    ]
    return {
        f"AUROC on {row.dataset}": f"{interval_text(row.value, row.low, row.high, '.3f')}, "
        f"n = {row.n}, {row.effusions:,} with an effusion; {row.left_out:,} left out"
        + (f" ({row.note})" if row.note else "")
        for row in rows.itertuples()
    }


def by_group(subgroups: pd.DataFrame) -> dict[str, str]:
    """AUROC, sensitivity and specificity by age, sex and view, of the first seed."""
    told = {}
    rows = subgroups[subgroups["group"] != "all"]
    for (group, value), part in rows.groupby(["group", "value"], sort=False):
        first = part.iloc[0]
        texts = [
            f"{METRICS[row.metric]} {interval_text(row.estimate, row.low, row.high, '.2f')}"
            for row in part.itertuples()
        ]
        numbers = f"n = {first['n']}, {first['effusions']} with an effusion"
        told[f"{group} {value}"] = f"{first['note'] or '; '.join(texts)}; {numbers}"
    return told or {"by age, sex and view": "these are unknown, or the same for all"}


def mistakes(cells: dict[str, int]) -> dict[str, str]:
    """What the first seed's network got wrong at its threshold; cells: of metrics.json."""
    return {
        "effusions missed": f"{cells['fn']:,} of {cells['tp'] + cells['fn']:,}",
        "normal X-rays called an effusion": f"{cells['fp']:,} of {cells['tn'] + cells['fp']:,}",
        "the surest of them": "mistakes.png of the first seed",
    }


def saliency(checks: pd.DataFrame) -> dict[str, str]:
    """How far each saliency method can be trusted on this network; see checks.csv."""
    standings = standing(checks)
    methods = [each for each in standings["method"].unique() if each not in CONTROLS]
    told = {method_name(each): in_words(standings, each) for each in methods}
    number = count(standings["n"].max(), "X-ray")
    return {"audit": f"the small one, at most {number} a check, first seed"} | told


def leaks(leakage: pd.DataFrame, sensitivity: pd.DataFrame) -> dict[str, str]:
    """Whether the split leaks, check by check, and what the AUROC is without what it leaks.

    Args:
        leakage: leakage.csv.
        sensitivity: The experiment's rows of leakage_sensitivity.csv.
    """
    told = {
        row.check: f"{row.verdict}: {row.found:,} found, {row.across:,} parted by the split "
        f"({row.reason})"
        for row in leakage.itertuples()
    }
    last = sensitivity.iloc[-1]
    text = interval_text(last["auroc"], last["low"], last["high"], ".3f")
    told["AUROC without all that have a relative elsewhere"] = (
        f"{text}, n = {last['n']}, {last['left_out']:,} left out"
    )
    return told


def numbered(sentences: list[str]) -> dict[str, str]:
    """Sentences by their number, from 1."""
    return {str(number): sentence for number, sentence in enumerate(sentences, start=1)}


def licence(software: dict[str, Any], datasheet: pd.DataFrame) -> dict[str, str]:
    """On what terms the code, the network and the data can be had, and who made the code."""
    terms = datasheet[(datasheet["section"] == "Use") & (datasheet["item"] == "licence")]
    return {
        "code": f"{software['license']}, {software['title']}",
        "authors of the code": ", ".join(each["name"] for each in software["authors"]),
        "data": terms["value"].iloc[0],
        "weights": "theirs to decide who trained them, within the terms of the data",
    }


def again(record: dict[str, Any]) -> dict[str, str]:
    """What has to be the same for the same bits."""
    git = record["git"]
    changed = "; files differed from it" if git and git["modified"] else ""
    return {
        "commit": f"{git['commit']}{changed}" if git else "",
        "config": f"results/{record['dataset']}/run.json, with all defaults",
        "command": "as the start page of report.html says, under Do it again",
        "versions": ", ".join(f"{name} {each}" for name, each in record["versions"].items()),
        "sha256 of requirements.txt, the lock": record["lock_sha256"],
        "machine": f"{record['hardware']['processor']}, {record['hardware']['system']}",
        "sha256 of the images": record["inputs"]["images_sha256"],
        "sha256 of split.csv": record["inputs"]["split_sha256"],
    }
