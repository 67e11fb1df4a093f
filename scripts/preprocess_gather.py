"""Join the shards of the preprocessed images.

Reads one or more .npy files, float32 (n, size, size). Writes images.npy with their rows one after
another, through memory maps: the images need not fit in memory. A single shard gets a second name.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from cxr.arrays import create_array, open_array
from cxr.log import job_log, say

BLOCK = 64  # rows copied at a time


def gather(shards: Sequence[Path], images: Path) -> None:
    """Write the rows of all shards, in the order given, to one .npy file.

    Args:
        shards: .npy files, float32 (n, size, size); a file may have no rows.
        images: the .npy file to write.

    Raises:
        UserError: the disk has no room.
        ValueError: the shards are not alike.
    """
    parts = [open_array(path) for path in shards]
    if len({(part.dtype, part.shape[1:]) for part in parts}) != 1:
        raise ValueError(f"the shards differ in size or type: {[p.shape for p in parts]}")
    rows = sum(len(part) for part in parts)
    say(f"{images}: {rows} images of {parts[0].shape[1]}x{parts[0].shape[2]} pixels")
    if len(parts) == 1 and linked(shards[0], images):
        return
    array = create_array(images, rows, parts[0].shape[1])
    done = 0
    for part in parts:
        for first in range(0, len(part), BLOCK):
            block = part[first : first + BLOCK]
            array[done : done + len(block)] = block
            done += len(block)
    array.flush()


def linked(file: Path, name: Path) -> bool:
    """Give a file a second name, if its disk knows such; the first one may be deleted then."""
    try:
        os.link(file, name)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        gather(shards=snakemake.input.shards, images=snakemake.output[0])
