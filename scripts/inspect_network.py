"""Draw a network: its summary, its blocks, its first filters, and what it makes of an X-ray.

Reads model.keras, predictions.csv, manifest.csv and images.npy. Writes <experiment>_summary.txt,
<experiment>_network.png, <experiment>_filters.png and <experiment>_features.png.
"""

import os
from pathlib import Path

import pandas as pd

from cxr import diagram, plots
from cxr.arrays import open_array
from cxr.backend import fix_bits, set_backend
from cxr.log import job_log
from cxr.predictions import held_out, read_predictions
from cxr.words import run_title

DPI = 110
WIDTH = 100  # of the summary, letters
FRAMES = str.maketrans("┃│━─┏┳┓┡╇┩└┴┘", "||--+++++++++")


def choose_image(predictions: pd.DataFrame) -> pd.Series:
    """The held-out effusion that the network gives the highest probability.

    Args:
        predictions: predictions.csv with the column row, an image's row in images.npy.
    """
    held = predictions["subset"] == held_out(predictions)
    effusions = predictions[held & (predictions["label"] == 1)]
    return effusions.loc[effusions["probability"].idxmax()]


def summarise(network) -> str:
    """The summary that Keras prints, in ASCII and without a line below every layer."""
    os.environ["COLUMNS"] = str(WIDTH)  # or rich cuts the lines at 80
    printed = []
    network.summary(line_length=WIDTH, print_fn=printed.append)
    lines = [line for line in "".join(printed).splitlines() if not line.startswith("├")]
    return "\n".join(line.translate(FRAMES).rstrip() for line in lines) + "\n"


def inspect_network(
    model: Path,
    predictions: Path,
    manifest: Path,
    images: Path,
    outputs: dict[str, Path],
    threads: int,
    title: str,
) -> None:
    """Write the summary and every figure of a network.

    Args:
        model: model.keras.
        predictions: predictions.csv.
        manifest: manifest.csv.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        outputs: summary, a text, and network, filters, features, PNGs: files to write.
        threads: Threads of the backend.
        title: Data set, experiment and seed.
    """
    set_backend("tensorflow")  # the file of a model fits all
    import keras

    from cxr import layers
    from cxr.batches import reduce_image

    fix_bits(0, threads)
    network = keras.models.load_model(model)
    Path(outputs["summary"]).write_text(f"{title}\n{summarise(network)}")

    chosen = choose_image(read_predictions(predictions, manifest))
    image = open_array(images)[chosen["row"]]
    image = reduce_image(image, network.input_shape[1])
    features, probability = layers.feature_maps(network, image)
    caption = f"{plots.short_name(chosen['id'])}\neffusion, p = {probability:.2f}"
    kernels = layers.first_kernels(network)
    figures = {
        "network": diagram.draw_network(layers.blocks(network), title),
        "filters": diagram.draw_filters(kernels, f"{title}: filters of conv_1"),
        "features": diagram.draw_features(
            image,
            caption,
            features,
            f"{title}: what each block makes of an X-ray that it was not trained on",
        ),
    }
    for name, figure in figures.items():
        plots.save(figure, outputs[name], DPI)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        inspect_network(
            model=snakemake.input.model[0],
            predictions=snakemake.input.predictions[0],
            manifest=snakemake.input.manifest,
            images=snakemake.input.images,
            outputs=dict(snakemake.output.items()),
            threads=snakemake.params.threads,
            title=run_title(**snakemake.wildcards, run=snakemake.params.run),
        )
