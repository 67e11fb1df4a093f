"""Draw the phantom data set: simulated frontal chest radiographs with known effusions.

Reads: nothing.
Writes: data/<dataset>/ with effusion/, normal/, masks/, labels.csv, files.csv and acquired.json;
where a shortcut is planted, also shortcuts/ and shortcuts.csv.
Promises: the same numbers and seed give the same images, and no file that pleura did not write is
changed or deleted.
"""

from collections.abc import Callable
from pathlib import Path

from cxr import acquired
from cxr.log import job_log, say
from cxr.phantom import draw_dataset


def acquire_phantom(
    folder: str | Path,
    normal: int,
    effusion: int,
    size: int,
    seed: int,
    label_noise: float,
    shortcut: dict,
    processes: int,
) -> None:
    """Fill `folder` (data/<dataset>) with `normal` + `effusion` images of `size` x `size` pixels.

    A share `label_noise` of each class, 0 to below 0.5, gets the wrong label. `shortcut` has the
    `kind` of a planted shortcut (none for none) and the `share` of patients for whom it tells the
    label. `processes` images are drawn at a time; their number does not change a pixel. Raises
    `UserError` if `folder` holds files of the user's.
    """
    folder = Path(folder)
    drawn = {
        "normal": normal,
        "effusion": effusion,
        "size": size,
        "seed": seed,
        "label_noise": label_noise,
    }
    with acquired.staging(folder) as staging:
        draw_dataset(
            staging,
            **drawn,
            shortcut=shortcut["kind"],
            share=shortcut["share"],
            processes=processes,
            progress=_say_quarters(),
        )
        acquired.replace(folder, staging, {"source": "phantom", **drawn, "shortcut": shortcut})


def _say_quarters() -> Callable[[int, int], None]:
    """A function of the images drawn and their total that says when a further quarter is done."""
    said = 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        if done * 4 // total > said:
            said = done * 4 // total
            say(f"drew {done} of {total} phantom X-rays")

    return progress


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        acquire_phantom(
            folder=Path(snakemake.output[0]).parent,
            normal=snakemake.params.normal,
            effusion=snakemake.params.effusion,
            size=snakemake.params.size,
            seed=snakemake.params.seed,
            label_noise=snakemake.params.label_noise,
            shortcut=snakemake.params.shortcut,
            processes=snakemake.threads,
        )
