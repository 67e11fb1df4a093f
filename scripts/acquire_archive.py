"""Fetch an archive of images and unpack it.

Reads: a zip or tar archive at a URL or path, or placed by hand in data/downloads/.
Writes: data/downloads/<archive>, and data/<dataset>/ with files.csv and acquired.json.
Promises: nothing is unpacked before its sha256 is right, nothing lands outside data/<dataset>/, and
no file that pleura did not write is changed or deleted.
"""

from pathlib import Path

from cxr import acquired
from cxr.archive import unpack
from cxr.download import DOWNLOADS, fetch
from cxr.log import job_log, say


def acquire_archive(
    url: str, sha256: str, folder: str | Path, downloads: str | Path = DOWNLOADS
) -> None:
    """Fill `folder` (data/<dataset>) with the files of the archive at `url`.

    Raises `UserError` if the archive cannot be had, is not the one that `sha256` describes, is
    damaged or unsafe, or if `folder` holds files of the user's.
    """
    folder = Path(folder)
    with acquired.staging(folder) as staging:
        source = fetch(url, sha256, downloads, key=f"datasets.{folder.name}.sha256")
        unpack(source, staging)
        acquired.replace(folder, staging, {"source": "archive", "url": url, "sha256": sha256})
    say(f"{folder} holds the files of {source}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        acquire_archive(
            url=snakemake.params.url,
            sha256=snakemake.params.sha256,
            folder=Path(snakemake.output[0]).parent,
        )
