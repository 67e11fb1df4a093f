"""The start page of the report, section by section, as reStructuredText."""

import pandas as pd

from cxr.folds import parts
from cxr.methods import method_name
from cxr.rst import bullets, escape, section, table
from cxr.words import count

SHOWN = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
REJECTED = 5  # rejected files named
SEEN = {
    "test": "which no network saw in training",
    "oof": "each judged by the one network of a cross-validation that did not see it in training",
}
BEATEN = {
    "higher": "so it beats the thumbnail",
    "lower": "so it is worse than the thumbnail",
    "cannot tell": "so it is not shown to beat the thumbnail",
}

KINDS = {
    "phantom": "*simulated* chest X-rays that the pipeline drew itself. They are no clinical data: "
    "numbers on them say how the pipeline works and nothing about patients",
    "archive": "chest X-rays from an archive",
    "folder": "chest X-rays from a folder",
    "table": "chest X-rays listed in a table",
    "nih": "chest X-rays of the NIH Clinical Center",
}
LABELS = {
    "phantom": "The labels are exact, as the effusions were drawn. Those of real X-rays are not.",
    "nih": "The labels were mined from radiology reports by text processing (Wang et al., CVPR "
    "2017); some are wrong, and no network can look better than its labels allow.",
}
TAKEN = (
    "The labels are taken as they came. In public collections they are often mined from reports by "
    "text processing, and some are wrong."
)


def opening(dataset: str, source: str, experiments: list[str]) -> str:
    """Title, what was run and on what, and what it must not be used for."""
    title = f"Pleural effusion in chest X-rays: {escape(dataset)}"
    networks = "network" if len(experiments) == 1 else "networks"
    return "\n\n".join(
        [
            f"{title}\n{'=' * len(title)}",
            "**Research and teaching only: not a medical device.**",
            f"The {networks} {_listed(experiments)} learned to tell X-rays with a pleural effusion "
            f"from X-rays without one. The data set is {escape(dataset)}: {KINDS[source]}.",
        ]
    )


def result(comparison: pd.DataFrame, scores: dict[str, list[dict]]) -> str:
    """Metrics on the held-out images with intervals, and the paired differences in words.

    Args:
        comparison: comparison.csv.
        scores: metrics.json of each seed, by experiment.
    """
    held = comparison["subset"].iloc[0]
    scores = {name: [run | {"test": run[held]} for run in runs] for name, runs in scores.items()}
    test = next(iter(scores.values()))[0]["test"]
    effusions = test["confusion"]["tp"] + test["confusion"]["fn"]
    rows = []
    for experiment, part in comparison.groupby("experiment", sort=False):
        known = part.set_index("metric")
        seeds = str(known["seeds"].iloc[0])
        cells = [_interval(*known.loc[name, ["value", "low", "high"]], ".3f") for name in SHOWN]
        rows.append([escape(experiment), *cells, str(test["n"]), seeds])
    return section(
        "Result",
        f"On {count(test['n'], 'X-ray')} ({effusions} with an effusion), {SEEN[held]}; with 95 % "
        f"intervals over {'patients' if test['patients'] else 'images'}"
        f"{', mean over the seeds' if comparison['seeds'].max() > 1 else ''}:",
        table(["experiment", *SHOWN.values(), "n", "seeds"], rows),
        _thresholds(scores, others=(comparison["kind"] != "experiment").any()),
        bullets(_undefined(scores)),
        bullets(_one_sided(scores)),
        *(_difference(row, comparison) for row in _others(comparison)),
        _chance(len(_others(comparison))),
        _baselines(comparison),
        _spread(comparison),
    )


def _others(comparison: pd.DataFrame) -> list:
    rows = comparison[(comparison["metric"] == "auroc") & (comparison["kind"] != "baseline")]
    return list(rows.itertuples())[1:]


def _interval(value: float, low: float, high: float, digits: str) -> str:
    """A value and its interval as text; NaN where there is none."""
    if pd.isna(value):
        return "undefined"
    if pd.isna(low):
        return f"{value:{digits}} (no interval)"
    return f"{value:{digits}} ({low:{digits}} to {high:{digits}})"


def _thresholds(scores: dict[str, list[dict]], others: bool) -> str:
    """Where the threshold lies; `others` are rows that metrics.json does not tell of."""
    runs = [run for experiment in scores.values() for run in experiment]
    cuts = sorted(
        {cut for run in runs for cut in run.get("thresholds", {"": run["threshold"]}).values()}
    )
    rule = runs[0]["threshold_rule"]
    if len(cuts) == 1:
        at = f"at a threshold of {cuts[0]:.2f}"
    else:
        at = f"at each network's own threshold ({cuts[0]:.2f} to {cuts[-1]:.2f})"
    if rule != "0.5":
        at += f", chosen on the validation X-rays by the rule {escape(rule)}"
        at += "; ensembles and baselines have their own, chosen alike" if others else ""
    return f"AUROC needs no threshold; accuracy, sensitivity and specificity are {at}."


def _undefined(scores: dict[str, list[dict]]) -> list[str]:
    """Why metrics are undefined or have no interval, in words."""
    reasons = {
        (experiment, name): run["test"][name]["reason"]
        for experiment, runs in scores.items()
        for run in runs
        for name in SHOWN
        if "reason" in run["test"][name]
    }
    return [
        f"{SHOWN[name]} of {escape(experiment)}: {escape(reason)}"
        for (experiment, name), reason in reasons.items()
    ]


def _one_sided(scores: dict[str, list[dict]]) -> list[str]:
    """Which networks call all held-out X-rays the same, in words."""
    said = []
    for experiment, runs in scores.items():
        for number, cells in enumerate((run["test"]["confusion"] for run in runs), start=1):
            which = f" ({number}. seed)" if len(runs) > 1 else ""
            for kind, other in (("normal", ("tp", "fp")), ("an effusion", ("tn", "fn"))):
                if not any(cells[cell] for cell in other):
                    said.append(
                        f"{escape(experiment)}{which} calls every held-out X-ray {kind}: its "
                        "accuracy says only how many of them are."
                    )
    return said


def _difference(row: tuple, comparison: pd.DataFrame) -> str:
    """One paired difference of AUROC, in words that its interval supports."""
    name = escape(row.experiment)
    pair = f"AUROC of {name} minus that of {escape(comparison['experiment'].iloc[0])}"
    if pd.isna(row.difference_low):
        return f"**{pair}** could not be computed with an interval."
    if row.difference_low > 0:
        meaning = f"lies above zero: on X-rays like these, {name} tells the classes better apart"
    elif row.difference_high < 0:
        meaning = f"lies below zero: on X-rays like these, {name} tells the classes less well apart"
    else:
        meaning = "includes zero: these X-rays do not say which of the two is better"
    return (
        f"**{pair}:** {row.difference:+.3f} ({row.difference_low:+.3f} to "
        f"{row.difference_high:+.3f}), paired over the same {row.n} X-rays. The interval {meaning}."
    )


def _chance(differences: int) -> str:
    if differences < 2:
        return ""
    return (
        f"These are {differences} differences: of twenty such intervals, one excludes zero by "
        "chance alone."
    )


def _baselines(comparison: pd.DataFrame) -> str:
    """Which networks tell the classes better apart than an 8x8 thumbnail does, in words."""
    rows = comparison[(comparison["metric"] == "auroc") & (comparison["kind"] != "baseline")]
    said = [
        f"{escape(row.experiment)}: {row.above_thumbnail:+.3f} ({row.above_thumbnail_low:+.3f} to "
        f"{row.above_thumbnail_high:+.3f}), {BEATEN[row.above_verdict]}"
        for row in rows.itertuples()
        if row.above_verdict
    ]
    if not said:
        return ""
    return (
        "The last rows see no anatomy: statistics of the pixels, the border, a thumbnail of 8x8 "
        "pixels and, where known, age, sex and view. AUROC minus that of the thumbnail, which a "
        "network has to beat:\n\n" + bullets(said)
    )


def _spread(comparison: pd.DataFrame) -> str:
    rows = comparison[(comparison["metric"] == "auroc") & (comparison["kind"] == "experiment")]
    if rows["seeds"].max() == 1:
        return "Each network was trained once, so how far another seed would land is not known."
    spreads = [f"{escape(row.experiment)} {row.seed_sd:.3f}" for row in rows.itertuples()]
    return f"Standard deviation of AUROC over {rows['seeds'].iloc[0]} seeds: {', '.join(spreads)}."


def data(manifest: pd.DataFrame, split: pd.DataFrame, rejected: pd.DataFrame) -> str:
    """Images per class and subset, patients, and files that could not be used."""
    split = split.assign(part=parts(split))
    images = manifest.merge(split[["id", "part"]], on="id")
    subsets = [*images["part"].cat.categories]
    counts = pd.crosstab(images["class"], images["part"]).reindex(columns=subsets, fill_value=0)
    counts.loc["all images"] = counts.sum()
    counts["all"] = counts.sum(axis=1)
    rows = [[str(cell) for cell in row] for row in counts.itertuples()]
    known = images[images["patient"] != ""]
    if len(known):
        people = known.groupby("part", observed=False)["patient"].nunique()
        rows.append(["patients", *map(str, people), str(known["patient"].nunique())])
    return section(
        "Data",
        table(["", *subsets, "all"], rows),
        _patients(len(known), len(images)),
        _rejected(rejected),
    )


def _patients(known: int, images: int) -> str:
    if known == images:
        return "All images of a patient are in one subset."
    if known:
        return f"The patient of {count(images - known, 'image')} is not known."
    return (
        "It is not known which images show the same patient, so one patient may be in several "
        "subsets, which would make the numbers above look better than they are."
    )


def _rejected(rejected: pd.DataFrame) -> str:
    if rejected.empty:
        return "No file had to be left out."
    named = [
        f"{escape(row.path)}: {escape(row.reason)}" for row in rejected[:REJECTED].itertuples()
    ]
    more = len(rejected) - len(named)
    named += [f"{more} more in rejected.csv"] if more else []
    return f"{count(len(rejected), 'file')} could not be used:\n\n{bullets(named)}"


def networks(config: dict, parameters: dict[str, int]) -> str:
    """What was trained, and how long.

    Args:
        config: The effective config.
        parameters: Number of weights of each experiment's network.
    """
    rows = []
    for name in config["run"]:
        recipe = config["experiments"][name]
        side = recipe["input_size"] or config["image"]["size"]
        rows.append(
            [
                escape(name),
                f"{side} x {side}",
                f"{parameters[name]:,}",
                str(recipe["epochs"]),
                {"best": "best by validation loss", "last": "last"}[recipe["keep"]],
                "yes" if any(recipe["augment"].values()) else "no",
            ]
        )
    header = ["experiment", "input, pixels", "parameters", "epochs", "epoch kept", "augmentation"]
    seeds = ", ".join(map(str, config["seeds"]))
    return section("Networks", table(header, rows), f"Seeds: {seeds}.")


def saliency(agreement: dict[str, pd.DataFrame]) -> str:
    """How far the saliency methods agree, beside the level that any two images reach.

    Args:
        agreement: agreement_summary.csv of each experiment's first seed.
    """
    rows = [
        [
            escape(experiment),
            f"{_method(pair.first)}, {_method(pair.second)}",
            _interval(pair.spearman, pair.low, pair.high, ".2f"),
            _interval(pair.difference, pair.difference_low, pair.difference_high, "+.2f"),
            str(pair.n),
        ]
        for experiment, pairs in agreement.items()
        for pair in pairs.itertuples()
    ]
    if not rows:
        return ""
    return section(
        "Saliency",
        "Rank correlation of two methods' maps of the same X-ray, and how much it lies above that "
        "of maps of different X-rays (first seed; mean, 95 % interval over X-rays):",
        table(["experiment", "methods", "same X-ray", "above different", "n"], rows),
        "Where the second interval includes zero, it is open whether the methods agree more about "
        "one X-ray than about any two.",
    )


def _method(name: str) -> str:
    return escape(method_name(name))


def look_first() -> str:
    """The way through the report."""
    return section(
        "Look first at",
        bullets(
            [
                "**3 Results**: all experiments side by side, then the surest mistakes",
                "**4 Saliency**: what the networks look at, and whether the methods agree on it",
                "**1 X-rays**: the images, as the networks see them",
                "**2 Networks**: learning curves, filters, what the layers make of one image",
            ]
        ),
        "They are in the menu on the left. There the eye shows a figure and the i explains it.",
    )


def limits(source: str, tested: int, effusions: int) -> str:
    """What the numbers do not say.

    Args:
        source: Of the data set, as in the config.
        tested: Number of held-out images.
        effusions: Number of those with an effusion.
    """
    return section(
        "Limits",
        bullets(
            [
                f"{count(tested, 'held-out X-ray')} from one split of one data set: the intervals "
                "hold for X-rays like these and for no other hospital, machine or population.",
                LABELS.get(source, TAKEN),
                "The task is effusion against normal. Telling an effusion from other diseases is "
                "harder: do not set these numbers beside studies that did so.",
                f"{100 * effusions / tested:.0f} % of them have an effusion. Elsewhere "
                "it is another share, and predictive values and calibration change with it.",
                "A saliency map is no proof of what a network relies on; two methods can agree "
                "and both be wrong.",
            ]
        ),
    )


def reproduce(record: dict) -> str:
    """Commands that make the same run again, and the versions behind it."""
    git, hardware = record["git"], record["hardware"]
    path = f"results/{record['dataset']}/run.json"
    code = f"import json; print(json.dumps(json.load(open('{path}'))['config']))"
    commands = [f'python3 -c "{code}" > same.json', 'make run ARGS="--configfile same.json"']
    if git:
        commands.insert(0, f"git checkout {git['commit']}")
    changed = "Files differed from that commit. " if git and git["modified"] else ""
    unknown = "" if git else "The commit is not known. "
    versions = ", ".join(f"{escape(name)} {escape(v)}" for name, v in record["versions"].items())
    return section(
        "Do it again",
        "The whole config, with its defaults, is in run.json (in a fresh clone, put it in the same "
        "place):",
        "::\n\n" + "\n".join(f"   {line}" for line in commands),
        f"{changed}{unknown}The same lock, type of machine and config give the same bits. run.json "
        f"was written on {record['finished'][:10]} on {escape(hardware['processor'])}, "
        f"{escape(hardware['system'])}, with {versions}.",
    )


def _listed(names: list[str]) -> str:
    *first, last = map(escape, names)
    return f"{', '.join(first)} and {last}" if first else last
