"""Choose the X-rays of the quiz.

Reads manifest.csv and split.csv. Writes quiz.csv: held-out X-rays, each of another patient, in the
order in which they are asked, the same for the same seed.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.log import job_log
from cxr.metadata import one_each
from cxr.predictions import held_out, read_split


def choose_questions(table: pd.DataFrame, number: int, seed: int) -> pd.DataFrame:
    """Flip a coin for the class, then draw an X-ray of it, as the lesson does.

    No image and no patient comes twice. When a class has run out, the other one is taken.

    Args:
        table: Every image, see `cxr.predictions.read_split`, and patient ("" where unknown).
        number: Of X-rays; fewer if there are not as many patients.
        seed: Of coin and draw.

    Returns:
        Their rows, in the order in which they are drawn.
    """
    chance = np.random.default_rng(seed)
    left = table[table["subset"] == held_out(table)]
    left = left.assign(patient=one_each(left["patient"].to_numpy()))
    drawn = []
    while len(drawn) < number and len(left):
        of_class = left[left["label"] == chance.integers(2)]
        of_class = of_class if len(of_class) else left
        drawn.append(of_class.index[chance.integers(len(of_class))])
        left = left[left["patient"] != left.at[drawn[-1], "patient"]]
    return table.loc[drawn]


def quiz_images(
    manifest: Path, split: Path, fold: int | None, number: int, seed: int, output: Path
) -> None:
    """Write quiz.csv, a table as saliency.csv; see `choose_questions`."""
    patients = tables.read_csv(manifest, columns=["id", "patient"]).set_index("id")["patient"]
    table = read_split(manifest, split, fold)
    table["patient"] = table["id"].map(patients)
    chosen = choose_questions(table, number, seed).rename(columns={"row": "image_row"})
    tables.write_table(chosen, output, "saliency")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        quiz_images(
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            number=snakemake.params.number,
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
