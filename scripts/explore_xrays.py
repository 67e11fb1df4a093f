"""Reduce every X-ray to what a page shows of it: a picture, a thumbnail and the true effusion.

Reads manifest.csv and the X-rays and masks that it names. Writes three folders: xrays/ and
thumbnails/, a JPEG <id>.jpg each, and outlines/, a transparent <id>.png where there is fluid in a
mask, of the size of the picture.
"""

from pathlib import Path

from cxr import pictures
from cxr.files import empty_folder
from cxr.images import for_each, read_listed
from cxr.log import job_log
from cxr.tables import read_table
from cxr.xrays import reduced

THUMBNAIL = 192  # longest side, pixels


def explore_xrays(
    manifest: Path, size: int, threads: int, xrays: Path, thumbnails: Path, outlines: Path
) -> None:
    """Write the pictures of all images.

    Args:
        manifest: manifest.csv.
        size: Longest side of a picture, pixels; smaller ones stay as they are.
        threads: Images worked on at a time.
        xrays, thumbnails, outlines: Folders to write.

    Raises:
        UserError: An image or a mask has gone or changed since the manifest was written.
    """
    for folder in (xrays, thumbnails, outlines):
        empty_folder(Path(folder))

    def draw(image: tuple[str, str, str]) -> None:
        name, path, mask = image
        picture = pictures.xray(read_listed(path), size)
        Path(xrays, f"{name}.jpg").write_bytes(pictures.xray_jpeg(picture))
        small = pictures.xray_jpeg(reduced(picture, THUMBNAIL))
        Path(thumbnails, f"{name}.jpg").write_bytes(small)
        outline = pictures.outline_png(read_listed(mask), picture.shape) if mask else None
        if outline:
            Path(outlines, f"{name}.png").write_bytes(outline)

    table = read_table(manifest, "manifest")
    images = list(zip(table["id"], table["path"], table["mask"], strict=True))
    for _ in for_each(draw, images, len(images), threads, "drew"):
        pass


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        explore_xrays(
            manifest=snakemake.input.manifest,
            size=snakemake.params.size,
            threads=snakemake.threads,
            xrays=snakemake.output.xrays,
            thumbnails=snakemake.output.thumbnails,
            outlines=snakemake.output.outlines,
        )
