"""The section of results on the report's start page, as reStructuredText."""

import pandas as pd

from cxr.rst import bullets, escape, section, table
from cxr.words import count

SHOWN = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
SEEN = {
    "test": "which no network saw in training",
    "oof": "each judged by the one network of a cross-validation that did not see it in training",
}
BEATEN = {
    "higher": "so it beats the thumbnail",
    "lower": "so it is worse than the thumbnail",
    "cannot tell": "so it is not shown to beat the thumbnail",
}


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
    aurocs = comparison[(comparison["metric"] == "auroc") & (comparison["kind"] != "baseline")]
    return section(
        "Result",
        f"On {count(test['n'], 'X-ray')} ({effusions} with an effusion), {SEEN[held]}; with 95 % "
        f"intervals over {'patients' if test['patients'] else 'images'}"
        f"{', mean over the seeds' if comparison['seeds'].max() > 1 else ''}:",
        _metrics(comparison, test["n"]),
        _thresholds(scores, others=(comparison["kind"] != "experiment").any()),
        bullets(_undefined(scores)),
        bullets(_one_sided(scores)),
        *_differences(aurocs),
        _baselines(aurocs),
        _spread(aurocs),
    )


def interval_text(value: float, low: float, high: float, digits: str) -> str:
    """A value and its interval, NaN where there is none, as text by a format such as ".3f"."""
    if pd.isna(value):
        return "undefined"
    if pd.isna(low):
        return f"{value:{digits}} (no interval)"
    return f"{value:{digits}} ({low:{digits}} to {high:{digits}})"


def _metrics(comparison: pd.DataFrame, n: int) -> str:
    rows = []
    for experiment, part in comparison.groupby("experiment", sort=False):
        known = part.set_index("metric")
        seeds = str(known["seeds"].iloc[0])
        cells = [interval_text(*known.loc[name, ["value", "low", "high"]], ".3f") for name in SHOWN]
        rows.append([escape(experiment), *cells, str(n), seeds])
    return table(["experiment", *SHOWN.values(), "n", "seeds"], rows)


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


def _differences(aurocs: pd.DataFrame) -> list[str]:
    """Each network beside the first, in words; where there are several, a word on chance."""
    first, *others = aurocs.itertuples()
    said = [_difference(row, first.experiment) for row in others]
    if len(said) > 1:
        said.append(
            f"These are {len(said)} differences: of twenty such intervals, one excludes zero by "
            "chance alone."
        )
    return said


def _difference(row: tuple, first: str) -> str:
    """One paired difference of AUROC, in words that its interval supports."""
    name = escape(row.experiment)
    pair = f"AUROC of {name} minus that of {escape(first)}"
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


def _baselines(aurocs: pd.DataFrame) -> str:
    """Which networks tell the classes better apart than an 8x8 thumbnail does, in words."""
    said = [
        f"{escape(row.experiment)}: {row.above_thumbnail:+.3f} ({row.above_thumbnail_low:+.3f} to "
        f"{row.above_thumbnail_high:+.3f}), {BEATEN[row.above_verdict]}"
        for row in aurocs.itertuples()
        if row.above_verdict
    ]
    if not said:
        return ""
    return (
        "The last rows see no anatomy: statistics of the pixels, the border, a thumbnail of 8x8 "
        "pixels and, where known, age, sex and view. AUROC minus that of the thumbnail, which a "
        "network has to beat:\n\n" + bullets(said)
    )


def _spread(aurocs: pd.DataFrame) -> str:
    rows = aurocs[aurocs["kind"] == "experiment"]
    if rows["seeds"].max() == 1:
        return "Each network was trained once, so how far another seed would land is not known."
    spreads = [f"{escape(row.experiment)} {row.seed_sd:.3f}" for row in rows.itertuples()]
    return f"Standard deviation of AUROC over {rows['seeds'].iloc[0]} seeds: {', '.join(spreads)}."
