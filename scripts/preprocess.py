"""Turn images into the arrays that networks see, or one shard of them.

Reads manifest.csv and the images. Writes a .npy file, float32 (n, size, size), with rows in the
manifest's order: shard k of n holds the k-th of n contiguous parts. Promises mean 0 and standard
deviation 1 for each image, the same bits however many shards there are, and that each file is the
one that the manifest describes.
"""

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cxr import tables
from cxr.arrays import create_array
from cxr.errors import Unreadable, UserError
from cxr.images import decode, for_each, prepare, read_bytes
from cxr.log import job_log


def shard_rows(rows: int, shard: int, shards: int) -> range:
    """Return the rows of one of `shards` contiguous parts that differ by one row at the most.

    Args:
        rows: of the whole.
        shard: from 1 to `shards`.
    """
    share, rest = divmod(rows, shards)
    first = (shard - 1) * share + min(shard - 1, rest)
    return range(first, first + share + (shard <= rest))


def listed(manifest: Path) -> Iterator[Any]:
    """Path and sha256 of each image of manifest.csv, which may be too long to be held as a whole.

    Raises:
        UserError: the table lacks one of the columns.
    """
    columns = ["path", "sha256"]
    for part in tables.read_parts(manifest, columns=columns):
        tables.require_columns(part, columns, str(manifest))
        yield from part.itertuples(index=False)


def prepare_file(path: str, sha256: str, size: int, resize: str) -> np.ndarray:
    """Return one image as `cxr.images.prepare` does, provided that its checksum is right.

    Raises:
        UserError: the file has changed since the manifest was written, or has no contrast left.
    """
    try:
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Unreadable("its content has changed")
        return prepare(decode(data), size, resize)
    except Unreadable as error:
        raise UserError(
            f"{path}: {error}. It was fine when manifest.csv was written. Put it right (or, "
            "without contrast, remove it) and run again."
        ) from error


def write_at(file: BinaryIO, image: np.ndarray, offset: int) -> None:
    """Write an array's bytes at an offset of an open file; threads may do so at a time.

    Raises:
        OSError: the disk has no room left.
    """
    left = memoryview(image).cast("B")
    while left:
        done = os.pwrite(file.fileno(), left, offset)
        left, offset = left[done:], offset + done


def preprocess(
    manifest: Path,
    images: Path,
    size: int,
    resize: str,
    shard: int,
    shards: int,
    threads: int,
) -> None:
    """Write one shard of the images.

    Args:
        manifest: manifest.csv; its relative paths start from the current folder.
        images: the .npy file to write.
        size: pixels a side.
        resize: `area` or `bilinear`.
        shard, shards: which of how many parts, from 1.
        threads: images worked on at a time.

    Raises:
        UserError: an image has changed or has no contrast, or the disk has no room.
    """
    count = sum(1 for _ in listed(manifest))
    rows = shard_rows(count, shard, shards)
    chosen = islice(listed(manifest), rows.start, rows.stop)
    offset = create_array(images, len(rows), size).offset
    with Path(images).open("r+b") as array:  # writing is faster than filling mapped pages

        def fill(place: int, known: Any) -> None:
            image = prepare_file(known.path, known.sha256, size, resize)
            write_at(array, image, offset + place * image.nbytes)

        numbered = enumerate(chosen)
        for _ in for_each(lambda one: fill(*one), numbered, len(rows), threads, "prepared"):
            pass
    print(f"{images}: rows {rows.start} to {rows.stop - 1} of {count}, {size}x{size} pixels")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        shard, shards = snakemake.wildcards.scatteritem.split("-of-")
        preprocess(
            manifest=snakemake.input.manifest,
            images=snakemake.output[0],
            size=snakemake.params.size,
            resize=snakemake.params.resize,
            shard=int(shard),
            shards=int(shards),
            threads=snakemake.threads,
        )
