"""The start page of the report, section by section, as reStructuredText.

Its section of results is `cxr.startpage_result`.
"""

import pandas as pd

from cxr.folds import parts
from cxr.limits import limits_of
from cxr.methods import method_name
from cxr.rst import bullets, escape, section, table
from cxr.startpage_result import interval_text
from cxr.verdicts import in_short, standing
from cxr.words import count

FOUND = {  # what each check of the split finds
    "patients": "patients with several X-rays",
    "identical": "pairs of identical X-rays",
    "near-duplicate": "pairs of nearly identical X-rays",
    "same-person": "pairs that seem to be of one person",
    "resembling": "pairs that resemble each other",
}
REJECTED = 5  # rejected files named
KINDS = {
    "phantom": "*simulated* chest X-rays that the pipeline drew itself. They are no clinical data: "
    "numbers on them say how the pipeline works and nothing about patients",
    "archive": "chest X-rays from an archive",
    "folder": "chest X-rays from a folder",
    "table": "chest X-rays listed in a table",
    "nih": "chest X-rays of the NIH Clinical Center",
}


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
        "The `data sheet <datasheet.html>`__ beside this report, also in the menu under "
        "**1 X-rays**, says where the X-rays come from, of whom they are, and what nobody said.",
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


def saliency(agreement: dict[str, pd.DataFrame], checks: pd.DataFrame, audited: str) -> str:
    """How far the saliency methods can be trusted, and how far they agree.

    Args:
        agreement: agreement_summary.csv of each experiment's first seed.
        checks: checks.csv of the smaller audit.
        audited: The experiment that it is about.
    """
    rows = standing(checks)
    return section(
        "Saliency",
        f"How far to trust the maps of {escape(audited)} (first seed), by a small audit of at most "
        f"{count(rows['n'].max(), 'X-ray')} a check; `verdict.png`_ has the checks and the numbers "
        "behind them:",
        bullets([escape(sentence) for sentence in in_short(rows)]),
        "Passing is no proof that a map is right. The full audit: snakemake --cores 4 audit.",
        "How far two methods agree: the rank correlation of their maps of an X-ray (first seed; "
        "mean, 95 % interval over X-rays). It counts as far as it lies above that of maps of "
        "different X-rays:",
        bullets([_agreement(*each) for each in agreement.items()]),
    )


def _agreement(experiment: str, pairs: pd.DataFrame) -> str:
    known = pairs.dropna(subset="spearman").sort_values("spearman")
    if known.empty:
        return f"{escape(experiment)}: there are no two maps to compare"
    ends = [known.iloc[-1], known.iloc[0]][: len(known)]
    named = [
        f"{words}{_method(pair['first'])} and {_method(pair['second'])}, "
        f"{interval_text(*pair[['spearman', 'low', 'high']], '.2f')}, n = {pair['n']}"
        for words, pair in zip(("most alike ", "least alike "), ends, strict=False)
    ]
    above = (known["difference_low"] > 0).sum()
    return (
        f"{escape(experiment)}: {'; '.join(named)}; {above} of {count(len(known), 'pair')} of "
        "methods agree more than on different X-rays (interval of the difference above zero)"
    )


def _method(name: str) -> str:
    return escape(method_name(name))


def look_first(main: str) -> str:
    """The way through the report; main: name of the main experiment."""
    return section(
        "Look first at",
        bullets(
            [
                "`Effusion or not? <quiz.html>`__, a page beside this report: read some of these "
                "X-rays yourself, blind, and see whether you or the network does better",
                "`Look through them <explore.html>`__, another page: every X-ray with its truth, "
                f"what {escape(main)} says of it, and where it looks",
                "`Ask the network <predict.html>`__, a page that holds it and says what it makes "
                "of X-rays that you drop there",
                "**3 Results**: all experiments side by side, then the surest mistakes; the "
                f"`model card <{main}/model_card.html>`__ of {escape(main)}, and `what CLAIM and "
                f"TRIPOD+AI ask <{main}/checklists.html>`__ of a paper about it",
                "**4 Saliency**: what the networks look at, and how far to trust that",
                "**1 X-rays**: the images, as the networks see them, and `flow.png`_: from those "
                "found to those used",
                "**2 Networks**: learning curves, filters, what the layers make of one image",
                "**5 Run**: where the time went",
            ]
        ),
        "The numbered ones are in the menu on the left. There the eye shows a figure and the i "
        "explains it. The graph on this page shows the steps of the workflow, each with its code; "
        "**Statistics** in the menu, how long each took.",
    )


def mistakes(cells: dict[str, dict[str, int]]) -> str:
    """What each experiment's network got wrong, in words.

    Args:
        cells: Confusion matrix of the first seed, as metrics.json has it, by experiment.
    """
    return section(
        "Mistakes",
        bullets(
            [
                f"{escape(name)} (first seed) misses {each['fn']:,} of "
                f"{count(each['tp'] + each['fn'], 'effusion')} and calls {each['fp']:,} of "
                f"{count(each['tn'] + each['fp'], 'normal X-ray')} an effusion"
                for name, each in cells.items()
            ]
        ),
        "**3 Results** shows the X-rays that each was surest of and wrong.",
    )


def leakage(checks: pd.DataFrame, sensitivity: pd.DataFrame, errors: pd.DataFrame) -> str:
    """Whether the split leaks, whether results depend on it, and how far the labels can be trusted.

    Args:
        checks: leakage.csv.
        sensitivity: leakage_sensitivity.csv.
        errors: label_errors_summary.csv.
    """
    found = [
        f"{FOUND[row.check]}: {row.found:,}, {row.across:,} of them parted by the split: "
        f"**{row.verdict}** ({escape(row.reason)})"
        for row in checks.itertuples()
    ]
    without = [
        f"{escape(row.experiment)} {interval_text(row.auroc, row.low, row.high, '.3f')}, "
        f"n = {row.n}"
        for row in sensitivity.groupby("experiment", sort=False).tail(1).itertuples()
    ]
    first, listed = errors.iloc[0], errors["listed"].sum()
    reason = f", as {escape(first['reason'])}" if first["reason"] else ""
    return section(
        "Leakage",
        "What stands in two parts of the split makes results look better than they are:",
        bullets(found),
        "AUROC without all held-out images that have such a relative in another part: "
        f"{'; '.join(without)}.",
        f"Of {count(errors['checked'].sum(), 'X-ray')} that a network could judge, it contradicts "
        f"the labels of {listed:,}: {first['verdict']}{reason}.",
    )


def limits(source: str, tested: int, effusions: int) -> str:
    """What the numbers do not say; see `cxr.limits.limits_of`."""
    return section(
        "Limits", bullets([escape(each) for each in limits_of(source, tested, effusions)])
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
        f"{changed}{unknown}The same lock (requirements.txt, whose sha256 begins with "
        f"{record['lock_sha256'][:12]}), type of machine and config give the same bits. run.json "
        f"was written on {record['finished'][:10]} on {escape(hardware['processor'])}, "
        f"{escape(hardware['system'])}, with {versions}.",
    )


def _listed(names: list[str]) -> str:
    *first, last = map(escape, names)
    return f"{', '.join(first)} and {last}" if first else last
