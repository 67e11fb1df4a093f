"""Which images a data set has, and what is known of each: one function per kind of source."""

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.fingerprint import files_below
from cxr.images import OTHER_SUFFIXES, SUFFIXES, UNSAFE, natural, printable
from cxr.log import say
from cxr.tables import check_table, read_csv, require_columns

CLASSES = {"effusion": "1", "normal": "0"}
SUBSETS = ("train", "validation", "test", "")
OLDEST = 120  # years; the NIH table knows patients of 411
NIH_BOX_SIZE = 1024  # pixels a side of the images that the published boxes refer to

_KNOWN = ["patient", "age", "sex", "view", "mask", "subset"]
_COLUMNS = ["path", "label", *_KNOWN, "reason"]
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
_AGE = re.compile(r"(\d+(?:\.\d*)?)\s*([YMWD]?)", re.IGNORECASE)
_PER_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}


def list_images(name: str, dataset: dict[str, Any], folder: Path, root: Path) -> pd.DataFrame:
    """Return what a data set holds, one row per file, without opening any.

    Args:
        name: the data set's name in the config, for messages.
        dataset: the validated `datasets.<name>`, defaults filled in.
        folder: `data/<name>`, where acquired images lie.
        root: the project's folder.

    Returns:
        Columns path (relative to `root` if below it), label ("1" effusion, "0" normal), patient,
        age (years), sex (M, F, O), view, mask (a path), subset and reason, all strings, empty
        where unknown; effusions first, then natural order of path. A file with a reason cannot
        be used; one without a label does not belong to the data set's images.

    Raises:
        UserError: a file, folder or column is missing, or a class has no images.
    """
    key = f"datasets.{name}"
    match dataset["source"]:
        case "phantom":
            images = _from_folders(key, dict(zip(CLASSES, CLASSES, strict=True)), folder)
            images = _with_phantom_facts(images, folder)
        case "archive":
            images = _from_folders(key, dataset["classes"], folder)
        case "folder":
            top = _below(root, dataset["path"])
            if not top.is_dir():
                raise UserError(f"{key}.path: there is no folder {top}. Mend the path.")
            images = _from_folders(key, dataset["classes"], top)
        case "table":
            images = _from_table(key, dataset, root)
        case "nih":
            images = _from_nih(key, dataset, root)
        case other:
            raise ValueError(f"{key}: unknown source {other!r}")
    if dataset.get("patient_pattern"):
        images = _with_patients_of_names(key, dataset["patient_pattern"], images)
    for column in ("path", "mask"):
        images[column] = [_shown(path, root) for path in images[column]]
    unsafe = images["path"].str.contains(UNSAFE)
    images.loc[unsafe, "reason"] = "its name is not UTF-8 or holds a control character: rename it"
    order = sorted(
        range(len(images)),
        key=lambda i: (images["label"].iloc[i] != "1", natural(images["path"].iloc[i])),
    )
    return images.iloc[order].reset_index(drop=True)


def list_boxes(name: str, dataset: dict[str, Any], root: Path, images: pd.DataFrame):
    """Return the boxes that a data set brings for its images, with the columns of boxes.csv.

    Args:
        images: the manifest; its columns id and path are used.

    Raises:
        UserError: the table of boxes cannot be read or is not the NIH's.
    """
    columns = ["id", "finding", "x", "y", "w", "h", "reference_width", "reference_height"]
    if not dataset.get("boxes"):
        return pd.DataFrame(columns=columns)
    path = _below(root, dataset["boxes"])
    key = f"datasets.{name}.boxes"
    table = read_csv(path, key)
    if len(table.columns) < 6:
        raise UserError(f"{key}: {path} has fewer than six columns. Give BBox_List_2017.csv.")
    require_columns(table, ["Image Index", "Finding Label"], f"{key}: {path}")
    # the published header, "Bbox [x,y,w,h]", is one name in four cells
    table = table.iloc[:, :6].set_axis(["name", *columns[1:6]], axis="columns")
    ids = {Path(path).name: image for image, path in zip(images["id"], images["path"], strict=True)}
    table["id"] = table["name"].map(ids)
    table = table.dropna(subset="id").drop(columns="name")
    table = table.assign(reference_width=NIH_BOX_SIZE, reference_height=NIH_BOX_SIZE)
    return check_table(table[columns].reset_index(drop=True), "boxes", f"{key}: {path}")


def unique_ids(paths: Iterable[str], classes: Iterable[str]) -> list[str]:
    """Return an id for each image: its file stem, with the class and a number where stems clash.

    Ids consist of A-Za-z0-9._- and differ in more than case, so that they can name files
    anywhere.
    """
    stems = [re.sub("[^A-Za-z0-9._-]", "_", Path(path).stem) for path in paths]
    counts = Counter(stem.lower() for stem in stems)
    taken = {stem.lower() for stem in stems if counts[stem.lower()] == 1}
    ids = []
    for stem, name in zip(stems, classes, strict=True):
        chosen = stem
        if counts[stem.lower()] > 1:
            chosen, number = f"{name}-{stem}", 2
            while chosen.lower() in taken:
                chosen, number = f"{name}-{stem}-{number}", number + 1
            taken.add(chosen.lower())
        ids.append(chosen)
    return ids


def _from_folders(key: str, classes: dict[str, str], top: Path) -> pd.DataFrame:
    rows = []
    for name, label in CLASSES.items():
        folder = top / classes[name]
        where = f"{key}.classes.{name}: {folder}"
        if not folder.is_dir():
            raise UserError(f"{where} is not a folder. {_folders_instead(classes[name], top)}")
        files = _files(where, folder)
        usual = [_suffix(path) in SUFFIXES | OTHER_SUFFIXES for path in files]
        if not any(usual):
            raise UserError(
                f"{where} holds no image. Put images (PNG, JPEG, TIFF, BMP) there, "
                "or name another folder."
            )
        rows += [
            (path, label, "") if image else (path, "", "not an image file")
            for path, image in zip(files, usual, strict=True)
        ]
    return _frame(pd.DataFrame(rows, columns=["path", "label", "reason"], dtype=object))


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 (fast for 100,000 paths)


def _files(where: str, folder: Path) -> list[str]:
    try:
        return sorted(files_below(folder))
    except OSError as error:
        message = f"{where}: {error.filename} cannot be read ({error.strerror})."
        raise UserError(f"{message} Make it readable.") from error


def _folders_instead(wanted: str, top: Path) -> str:
    """What there is in place of a missing class folder."""
    if not top.is_dir():
        return f"{top} does not exist either."
    folders = [path for path in top.rglob("*") if path.is_dir()][:1000]
    names = sorted(path.relative_to(top).as_posix() for path in folders)
    if not names:
        return f"{top} has no folders; it needs one for each class."
    matches = [name for name in names if name.lower().split("/")[-1] == wanted.lower()]
    near = matches or difflib.get_close_matches(wanted, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}{top} has: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}."


def _with_phantom_facts(images: pd.DataFrame, folder: Path) -> pd.DataFrame:
    table = read_csv(folder / "labels.csv")
    require_columns(table, ["path", *_KNOWN[:5]], str(folder / "labels.csv"))
    keys = table["path"].map(lambda path: str(folder / path))
    facts = table[_KNOWN[:5]].set_axis(keys, axis="index")
    facts["mask"] = [str(folder / path) if path else "" for path in facts["mask"]]
    facts = facts.reindex(images["path"]).fillna("").reset_index(drop=True)
    return images.assign(**facts)


def _from_table(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    path = _below(root, dataset["path"])
    table = read_csv(path, f"{key}.path")
    top = _below(root, dataset["root"]) if dataset.get("root") else path.parent
    if not top.is_dir():
        raise UserError(f"{key}.root: there is no folder {top}. Mend the path.")
    images = _frame(_mapped(key, dataset.get("columns") or {}, table, path))
    labels = {_plain(dataset[name]): label for name, label in CLASSES.items()}
    given = images["label"]
    images["label"] = given.map(lambda value: labels.get(_plain(value), ""))
    for name, label in CLASSES.items():
        if label not in set(images["label"]):
            values = ", ".join(repr(value) for value in sorted(set(given))[:8]) or "none"
            raise UserError(
                f"{key}.{name}: no row of {path} has the label {dataset[name]!r}. "
                f"Labels in it: {values}."
            )
    wrong = images["label"] == ""
    allowed = f"neither {dataset['effusion']!r} nor {dataset['normal']!r}"
    images.loc[wrong, "reason"] = [f"the label {value!r} is {allowed}" for value in given[wrong]]
    if others := sorted(set(images["subset"]) - set(SUBSETS)):
        raise UserError(
            f"{key}.columns.subset: {path} holds the subset {others[0]!r}. "
            f"Allowed: {', '.join(SUBSETS[:-1])}."
        )
    images.loc[images["path"].duplicated(), "reason"] = "listed more than once"
    nameless = images["path"] == ""
    images.loc[nameless, "reason"] = [
        f"row {row + 2} has no path" for row in images.index[nameless]
    ]
    images["path"] = [str(top / name) if name else str(path) for name in images["path"]]
    images["mask"] = [str(top / name) if name else "" for name in images["mask"]]
    return images


def _mapped(key: str, names: dict[str, str | None], table: pd.DataFrame, path: Path):
    """The user's columns under our names; a column that is not named may bear our name."""
    picked = {}
    for ours in ("path", "label", *_KNOWN):
        theirs = names.get(ours) or ours
        if names.get(ours) or ours in ("path", "label"):
            require_columns(table, [theirs], f"{key}.columns.{ours}: {path}")
        if theirs in table:
            picked[ours] = table[theirs].str.strip()
    found = ", ".join(ours for ours in picked if ours in _KNOWN) or "nothing"
    say(f"{path}: {len(table):,} rows; besides path and label it gives {found}")
    return pd.DataFrame(picked)


def _from_nih(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    path, folder = _below(root, dataset["labels"]), _below(root, dataset["images"])
    table = read_csv(path, f"{key}.labels")
    needed = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position"]
    sex = "Patient Sex" if "Patient Sex" in table else "Patient Gender"  # editions differ
    require_columns(table, [*needed, sex], f"{key}.labels: {path}")
    if not folder.is_dir():
        raise UserError(f"{key}.images: there is no folder {folder}. Mend the path.")
    files = {os.path.basename(file): file for file in _files(f"{key}.images", folder)}  # noqa: PTH119
    images = table.rename(
        columns={"Patient ID": "patient", "Patient Age": "age", sex: "sex", "View Position": "view"}
    )
    images["path"] = images["Image Index"].map(files)
    images["label"] = _nih_labels(key, dataset, path, table["Finding Labels"])
    asked = images[images["label"] != ""]
    here = asked.dropna(subset="path")
    for name, which in (("effusion", "positive"), ("normal", "negative")):
        if CLASSES[name] not in set(here["label"]):
            raise UserError(
                f"{key}.images: none of the images of {path} with {dataset[which]!r} is in "
                f"{folder} (found {len(files):,} files). Unpack the images there."
            )
    say(
        f"{path}: {len(asked):,} of {len(table):,} images show {dataset['positive']} or "
        f"{dataset['negative']}; {len(here):,} of them are in {folder}, the rest are not used"
    )
    return _frame(here[["path", "label", "patient", "age", "sex", "view"]])


def _nih_labels(key: str, dataset: dict[str, Any], path: Path, findings: pd.Series) -> pd.Series:
    """Label "1" where the positive finding is among others, "0" where the negative stands alone."""
    listed = findings.str.split("|").map(lambda names: [name.strip() for name in names])
    known = sorted({name for names in listed for name in names})
    for which in ("positive", "negative"):
        if dataset[which] not in known:
            near = difflib.get_close_matches(dataset[which], known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UserError(
                f"{key}.{which}: {path} knows no finding {dataset[which]!r}. {hint}"
                f"It knows: {', '.join(known[:20])}."
            )
    labels = [
        "1" if dataset["positive"] in names else "0" if names == [dataset["negative"]] else ""
        for names in listed
    ]
    return pd.Series(labels, index=findings.index)


def _with_patients_of_names(key: str, pattern: str, images: pd.DataFrame) -> pd.DataFrame:
    """Fill in patients from file names; a name that does not fit would hide a patient."""
    where = f"{key}.patient_pattern"
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UserError(f"{where}: {pattern!r} is no regular expression ({error}).") from error
    if re.compile(pattern).groups != 1:
        raise UserError(f"{where}: {pattern!r} needs one group in brackets: the patient.")
    asked = (images["label"] != "") & (images["reason"] == "") & (images["patient"] == "")
    found = {row: search(Path(images["path"][row]).name) for row in images.index[asked]}
    unfit = [images["path"][row] for row, match in found.items() if not (match and match[1])]
    if unfit:
        raise UserError(
            f"{where}: {pattern!r} finds no patient in {len(unfit):,} of {len(found):,} file "
            f"names, such as {printable(Path(unfit[0]).name)}. Widen the pattern."
        )
    images.loc[asked, "patient"] = [match[1] for match in found.values()]
    return images


def _frame(images: pd.DataFrame) -> pd.DataFrame:
    """All columns, in order, with ages, sexes and views in one spelling."""
    images = images.reset_index(drop=True).astype(object)
    images = images.reindex(columns=_COLUMNS, fill_value="")
    for column, tidy in (("age", _years), ("sex", _sex), ("view", str.upper)):
        images[column] = [tidy(str(value).strip()) for value in images[column]]
    return images


def _years(text: str) -> str:
    """An age in years, such as 58 from "58", "58.0" or the older "058Y"; "" if impossible."""
    match = _AGE.fullmatch(text)
    if not match:
        return ""
    unit = match[2].upper()
    years = float(match[1]) / _PER_YEAR[unit]
    years = years if unit in ("", "Y") else int(years)
    return f"{years:g}" if years <= OLDEST else ""


def _sex(text: str) -> str:
    return _SEXES.get(text.lower(), "")


def _plain(value: Any) -> str:
    """A label as text in which 1, "1" and " 1.0" are the same."""
    text = str(value).strip()
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", text)


def _below(root: Path, path: str) -> Path:
    return Path(root, Path(path).expanduser())


def _shown(path: str, root: Path) -> str:
    """A path relative to the project's root if it lies below, else absolute."""
    if not path:
        return path
    path, top = os.path.abspath(path), os.path.abspath(root)  # noqa: PTH100 (keeps links)
    return os.path.relpath(path, top) if path.startswith(top + os.sep) else path
