"""What is known of data sets that pleura knows: where they come from, their labels, their licence.

Only what their makers say of them, with the source. What is not known of a data set is left out.
"""

from typing import Any

LESSON = "8055ffb330a7722a9c2926933d24b8c2a660bfe8a201a95810404ae7b5577a05"  # of chest_xrays.zip
_WANG = (
    "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM: ChestX-ray8: Hospital-scale Chest X-ray "
    "Database and Benchmarks on Weakly-Supervised Classification and Localization of Common Thorax "
    "Diseases. CVPR 2017, 3462-3471, doi:10.1109/CVPR.2017.369"
)
_NIH = {
    "collection": "routine frontal X-rays of the NIH Clinical Center, Bethesda, from 1992 to 2015 "
    "(Wang et al. 2017)",
    "labels": "mined from the radiologists' reports by text processing (Wang et al. 2017); nobody "
    "looked at the X-rays again",
    "label noise": "the makers expect more than 90 % of the labels to be right",
    "licence": "use is not restricted; the NIH asks to link its download site, to acknowledge the "
    "NIH Clinical Center and to cite the paper (FAQ_CHESTXRAY, question 4)",
    "download site": "https://nihcc.app.box.com/v/ChestXray-NIHCC",
    "citation": _WANG,
}
_PHANTOM = {
    "collection": "simulated: drawn by the pipeline from random anatomies, poses and exposures; "
    "there are no patients",
    "labels": "exact, as each effusion was drawn; its mask is kept",
    "licence": "that of pleura, MIT",
    "citation": "CITATION.cff of pleura",
}
_SAMPLE = _NIH | {
    "collection": f"chosen from {_NIH['collection']} by the authors of the Carpentries lesson "
    "Introduction to artificial neural networks in Python",
    "citation": f"{_WANG}; and the lesson, see CITATION.cff of pleura",
}


def known_of(dataset: dict[str, Any]) -> dict[str, str]:
    """Facts of a data set's origin, by `collection`, `labels`, `label noise`, `licence` and so on.

    Args:
        dataset: The validated `datasets.<name>` of the config.

    Returns:
        One sentence each; {} where nothing is known. An archive is known by its checksum.
    """
    match dataset["source"]:
        case "phantom":
            return _PHANTOM | _planted(dataset["label_noise"], dataset["shortcut"])
        case "nih":
            return _NIH
        case "archive" if dataset["sha256"].lower() == LESSON:
            return _SAMPLE
        case _:
            return {}


def _planted(noise: float, shortcut: dict[str, Any]) -> dict[str, str]:
    """What is wrong with phantoms on purpose."""
    wrong = f"{noise:.0%} of each class's labels are wrong on purpose" if noise else "none"
    if shortcut["kind"] == "none":
        return {"label noise": wrong}
    told = f"{shortcut['kind']}, which tells the label of {shortcut['share']:.0%} of the patients"
    return {"label noise": wrong, "shortcut": f"planted: {told}"}
