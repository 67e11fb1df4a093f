"""What the numbers of a run do not say, in plain sentences."""

from cxr.words import count

LABELS = {
    "phantom": "The labels are exact, as the effusions were drawn. Those of real X-rays are not.",
    "nih": "The labels were mined from radiology reports by text processing (Wang et al., CVPR "
    "2017); some are wrong, and no network can look better than its labels allow.",
}
TAKEN = (
    "The labels are taken as they came. In public collections they are often mined from reports by "
    "text processing, and some are wrong."
)


def limits_of(source: str, tested: int, effusions: int) -> list[str]:
    """What the numbers do not say, a sentence or two each.

    Args:
        source: Of the data set, as in the config.
        tested: Number of held-out images.
        effusions: Number of those with an effusion.
    """
    return [
        f"{count(tested, 'held-out X-ray')} from one split of one data set: the intervals hold for "
        "X-rays like these and for no other hospital, machine or population.",
        LABELS.get(source, TAKEN),
        "The task is effusion against normal. Telling an effusion from other diseases is harder: "
        "do not set these numbers beside studies that did so.",
        f"{100 * effusions / tested:.0f} % of them have an effusion. Elsewhere it is another "
        "share, and predictive values and calibration change with it.",
        "A saliency map is no proof of what a network relies on; two methods can agree and both be "
        "wrong.",
    ]
