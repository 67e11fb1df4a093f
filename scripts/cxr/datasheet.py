"""What a data sheet tells of a data set, item by item.

After Gebru et al., Datasheets for Datasets (CACM 2021), in short: `rows` answers those of their
questions to which tables and config hold an answer, and says of the others that it is not given.
"""

from typing import Any

import pandas as pd

from cxr.metadata import images_checksum
from cxr.provenance import known_of
from cxr.sheets import NOT_GIVEN
from cxr.words import count

SHOWN = 10  # values listed of one item
BANDS = [0, 20, 40, 60, 80, 121]  # ages, years
FORMS = {
    "phantom": "simulated X-rays, drawn by the pipeline: no clinical data",
    "archive": "an archive with a folder for each class",
    "folder": "a folder for each class",
    "table": "a table of images and labels",
    "nih": "the NIH ChestX-ray14 release",
}
PLACES = ("url", "path", "images", "labels", "boxes")  # keys of a data set that say where it lies
RESIZED = {"area": "by the mean of the area", "bilinear": "by bilinear interpolation"}


def rows(
    name: str,
    dataset: dict[str, Any],
    image: dict[str, Any],
    manifest: pd.DataFrame,
    rejected: pd.DataFrame,
    boxes: pd.DataFrame,
    parts: pd.Series,
    leakage: pd.DataFrame,
    errors: pd.DataFrame,
) -> pd.DataFrame:
    """Every item of the data sheet, as datasheet.csv.

    Args:
        name: The data set's name.
        dataset: The validated `datasets.<name>` of the config.
        image: `image` of the config.
        manifest, rejected, boxes, leakage: These tables, read by their schemas.
        parts: The part of each image, by id; see `cxr.folds.parts_by_id`.
        errors: label_errors_summary.csv.
    """
    known = known_of(dataset)
    sections = {
        "Origin": origin(name, dataset, known, manifest),
        "Composition": composition(manifest, boxes),
        "Patients": patients(manifest),
        "Labels": labels(known, leakage, errors),
        "Cleaning": cleaning(image, rejected),
        "Copies and same persons": relatives(leakage),
        "Split": split(manifest, parts),
        "Use": use(known),
    }
    return pd.DataFrame(
        [
            (section, item, value or NOT_GIVEN)
            for section, items in sections.items()
            for item, value in items.items()
        ],
        columns=["section", "item", "value"],
    )


def origin(
    name: str, dataset: dict[str, Any], known: dict[str, str], manifest: pd.DataFrame
) -> dict[str, str]:
    """Where the X-rays come from, and the checksums that tell them from others."""
    places = [f"{key}: {dataset[key]}" for key in PLACES if isinstance(dataset.get(key), str)]
    archives = dataset.get("archives", [dataset] if "sha256" in dataset else [])
    places += [f"archive: {archive['url']}" for archive in dataset.get("archives", [])]
    sums = [archive["sha256"].lower() for archive in archives]
    return {
        "data set": f"{name}, {FORMS[dataset['source']]}",
        "collection": known.get("collection", ""),
        **({"place": "; ".join(places)} if places else {}),
        **({f"sha256 of {count(len(sums), 'archive')}": ", ".join(sums)} if sums else {}),
        "sha256 of the sorted sha256 of all X-rays": images_checksum(manifest),
    }


def composition(manifest: pd.DataFrame, boxes: pd.DataFrame) -> dict[str, str]:
    """How many X-rays of what kind."""
    effusions, masks = int(manifest["label"].sum()), int((manifest["mask"] != "").sum())
    sizes = manifest["width"].astype(str) + " x " + manifest["height"].astype(str)
    flags = manifest.get("flags", pd.Series("", manifest.index)).str.split().explode()
    places = [f"{count(masks, 'X-ray')} with a mask of the effusion"] if masks else []
    if len(boxes):
        places.append(f"{count(boxes['id'].nunique(), 'X-ray')} with boxes, {len(boxes):,} in all")
    return {
        "X-rays": f"{len(manifest):,}: {effusions:,} with an effusion, "
        f"{len(manifest) - effusions:,} without",
        "views": counted(manifest["view"]),
        "sizes, pixels": counted(sizes),
        "bits of a grey value": counted(manifest["bit_depth"].astype(str)),
        "places of findings": ", ".join(places),
        **({"flags": counted(flags.dropna()) or "none"} if "flags" in manifest else {}),
    }


def patients(manifest: pd.DataFrame) -> dict[str, str]:
    """How many patients, and their ages and sexes as the X-rays have them, by class."""
    known = manifest.loc[manifest["patient"] != "", "patient"]
    missing = len(manifest) - len(known)
    each = known.value_counts()
    people = f"{each.size:,}" + (f"; {NOT_GIVEN} for {count(missing, 'X-ray')}" if missing else "")
    told = {
        "patients": people if len(known) else "",
        "X-rays of a patient": (
            f"{each.min()} to {each.max()}, median {each.median():g}" if len(known) else ""
        ),
    }
    for label, part in manifest.groupby("class"):
        told[f"age in years, {label}"] = ages(part["age"])
        told[f"sex, {label}"] = counted(part["sex"])
    return told


def ages(age: pd.Series) -> str:
    """Ages in words: median, range and bands of twenty years; one age per X-ray."""
    known = age.dropna()
    if known.empty:
        return ""
    bands = pd.cut(known, BANDS, right=False).value_counts(sort=False)
    named = [f"{band.left:g} to {band.right - 1:g}: {number:,}" for band, number in bands.items()]
    missing = len(age) - len(known)
    named += [f"{NOT_GIVEN}: {missing:,}"] if missing else []
    return (
        f"median {known.median():g}, range {known.min():g} to {known.max():g} ({', '.join(named)})"
    )


def labels(known: dict[str, str], leakage: pd.DataFrame, errors: pd.DataFrame) -> dict[str, str]:
    """Who made the labels, and what speaks for errors in them."""
    one, listed, checked = errors.iloc[0], errors["listed"].sum(), errors["checked"].sum()
    found = f"{listed:,} among {count(checked, 'X-ray')} that a network could judge"
    reason = f", as {one['reason']}" if one["reason"] else ""
    copies = leakage[leakage["check"].isin(["identical", "near-duplicate"])]["labels_differ"].sum()
    return {
        "made by": known.get("labels", ""),
        "known noise": known.get("label noise", ""),
        **({"shortcut": known["shortcut"]} if "shortcut" in known else {}),
        "likely errors (label_errors.csv)": f"{found}: {one['verdict']}{reason}",
        "copies with both labels": f"{copies:,}",
    }


def cleaning(image: dict[str, Any], rejected: pd.DataFrame) -> dict[str, str]:
    """What was left out and why, and what was done to the rest."""
    side = image["size"]
    return {
        "files left out (rejected.csv)": f"{len(rejected):,}",
        **({"reasons": counted(rejected["reason"])} if len(rejected) else {}),
        "preprocessing": f"grey, {side} x {side} pixels {RESIZED[image['resize']]}, each X-ray "
        "with mean 0 and standard deviation 1 (images.npy); the files themselves are unchanged",
    }


def relatives(leakage: pd.DataFrame) -> dict[str, str]:
    """Pairs of X-rays that are copies or seem to be of one person, and what the search misses."""
    told = {}
    for row in leakage[leakage["check"] != "patients"].itertuples():
        share = f"the search finds {row.recall:.0%} of them" if row.recall < 1 else "all are found"
        parted = f", {row.across:,} of them parted by the split" if row.found else ""
        told[f"{row.check} pairs"] = f"{row.found:,}{parted} ({share})"
    return told


def split(manifest: pd.DataFrame, parts: pd.Series) -> dict[str, str]:
    """X-rays, effusions and patients of each part."""
    divided = manifest.assign(part=parts[manifest["id"]].array)
    told = {}
    for name, part in divided.groupby("part", observed=True):
        known = part.loc[part["patient"] != "", "patient"]
        people = f", {count(known.nunique(), 'patient')}" if len(known) else ""
        effusions = int(part["label"].sum())
        told[name] = f"{count(len(part), 'X-ray')}, {effusions:,} with an effusion{people}"
    return told


def use(known: dict[str, str]) -> dict[str, str]:
    """What the data set is for, its limits, and on what terms it can be had."""
    return {
        "meant for": "research and teaching only; nothing here is for the care of patients",
        "limits": "effusion against normal, which is easier than effusion against all other "
        "findings; other hospitals, machines and populations may differ",
        "licence": known.get("licence", ""),
        **({"download site": known["download site"]} if "download site" in known else {}),
        "citation": known.get("citation", ""),
    }


def counted(values: pd.Series) -> str:
    """Each value with its number, the most frequent first; "" where all are unknown."""
    numbers = values.replace("", NOT_GIVEN).value_counts()
    if [*numbers.index] in ([], [NOT_GIVEN]):
        return ""
    order = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{value}: {number:,}" for value, number in order[:SHOWN]]
    more = len(order) - len(named)
    return ", ".join(named + ([f"{more:,} others"] if more else []))
