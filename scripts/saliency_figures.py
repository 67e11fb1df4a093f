"""Draw a network's saliency maps over their X-rays, and how far the methods agree.

Reads maps.csv, agreement.csv, agreement_summary.csv, each <method>.npy, images.npy and
manifest.csv with the masks it names. Writes maps.png and agreement.png.
"""

from pathlib import Path

from cxr import heatmaps, plots, tables
from cxr.arrays import open_array
from cxr.log import job_log
from cxr.words import run_title
from cxr.xrays import read_fluid


def saliency_figures(
    table: Path,
    pairs: Path,
    summary: Path,
    methods: list[str],
    maps: list[Path],
    images: Path,
    manifest: Path,
    outputs: dict[str, Path],
    title: str,
) -> None:
    """Write maps.png and agreement.png.

    Args:
        table: maps.csv.
        pairs: agreement.csv.
        summary: agreement_summary.csv.
        methods: Names of the methods.
        maps: <method>.npy of each, float32 (n, side, side), 0 to 1.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        manifest: manifest.csv.
        outputs: maps, agreement: PNGs to write.
        title: Data set, experiment and seed.

    Raises:
        UserError: A mask cannot be read any more.
    """
    known = tables.read_table(table, "maps")
    agreement = tables.read_table(pairs, "agreement")
    cams = {name: open_array(path) for name, path in zip(methods, maps, strict=True)}
    array = open_array(images)
    masks = tables.read_csv(manifest, columns=["id", "mask"])
    rows = masks.reset_index(names="row").set_index("id")
    rows = rows.loc[heatmaps.shown_images(known, agreement)]
    xrays = {name: array[row] for name, row in rows["row"].items()}
    fluid = read_fluid(rows["mask"].to_dict())
    facts = {"table": known, "maps": cams, "images": xrays, "fluid": fluid}
    figures = {
        "maps": heatmaps.draw_maps(title=title, **facts),
        "agreement": heatmaps.draw_agreement(
            agreement,
            tables.read_table(summary, "agreement_summary"),
            title=f"{title}: do the methods agree?",
            **facts,
        ),
    }
    for name, dpi in {"maps": 90, "agreement": 110}.items():
        plots.save(figures[name], outputs[name], dpi=dpi)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency_figures(
            table=snakemake.input.table,
            pairs=snakemake.input.pairs,
            summary=snakemake.input.summary,
            methods=snakemake.params.methods,
            maps=snakemake.input.maps,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            outputs=dict(snakemake.output.items()),
            title=run_title(**snakemake.wildcards),
        )
