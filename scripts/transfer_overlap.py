"""Find the images of another data set that are no news to a network that learned from the own one.

Reads images.npy and manifest.csv of both data sets. Writes <other>.csv: every image of the other
data set, and why it is left out where it is: the same file, a copy, seemingly or surely the same
person.
"""

from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

from cxr import tables
from cxr.arrays import open_array
from cxr.errors import UserError
from cxr.log import job_log, say
from cxr.overlap import in_both, pairs_across


def transfer_overlap(
    images: Path,
    manifest: Path,
    own_images: Path,
    own_manifest: Path,
    sources: list[str],
    output: Path,
    name: str,
) -> None:
    """Write <other>.csv.

    Args:
        images: images.npy of the other data set, float32 (N, side, side).
        manifest: Its manifest.csv.
        own_images: images.npy of the data set that the networks learn from.
        own_manifest: Its manifest.csv.
        sources: Where both come from, by the config; only those of `nih` share patients' numbers.
        output: <other>.csv to write.
        name: What the progress line begins with.

    Raises:
        UserError: The images that are new to the networks lack a class.
    """
    cv2.setNumThreads(1)  # on small images, more threads only wait for each other
    same_patients = set(sources) == {"nih"}
    own, other = (tables.read_csv(path) for path in (own_manifest, manifest))
    arrays = (open_array(path) for path in (own_images, images))
    with threadpool_limits(1):
        pairs = pairs_across(
            next(arrays), own, next(arrays), other, same_patients, Path(output).parent
        )
    other["overlap"] = in_both(own, other, same_patients, pairs)
    new = other[other["overlap"] == ""]
    if new["label"].nunique() < 2:
        raise UserError(
            f"{name}: {len(new)} of its {len(other)} images are new; the others, or their "
            "patients, are also in the data set that the networks learn from. That leaves no "
            "image of a class. Take the data set out of `transfer` in the config."
        )
    tables.write_table(other, output, "overlap")
    say(f"{name}: {len(other) - len(new)} of {len(other)} images are to be left out")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        transfer_overlap(
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            own_images=snakemake.input.own_images,
            own_manifest=snakemake.input.own_manifest,
            sources=[snakemake.params.own_source, snakemake.params.other_source],
            output=snakemake.output[0],
            name=snakemake.wildcards.other,
        )
