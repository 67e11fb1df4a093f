"""Fetch archives of images and unpack them.

Reads: zip or tar archives at URLs or paths, or placed by hand in data/downloads/.
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
    archives: list[dict[str, str]], folder: str | Path, downloads: str | Path = DOWNLOADS
) -> None:
    """Fill `folder` (data/<dataset>) with the files of archives, all of them fetched first.

    Args:
        archives: `url` and `sha256` of each, `key`, what messages call the checksum's place in
            the config, and `folder`, where it is unpacked below `folder`, "" for `folder` itself.
        folder: It appears in one step, with all the files.
        downloads: Where the archives are kept.

    Raises:
        UserError: An archive cannot be had, is not the one that its checksum describes, is damaged
            or unsafe, or `folder` holds files of the user's.
    """
    with acquired.staging(folder) as staging:
        sources = [fetch(a["url"], a["sha256"], downloads, key=a["key"]) for a in archives]
        for archive, source in zip(archives, sources, strict=True):
            unpack(source, staging / archive["folder"])
        record = [{name: a[name] for name in ("folder", "url", "sha256")} for a in archives]
        acquired.replace(folder, staging, {"source": "archive", "archives": record})
    say(f"{folder} holds the files of {', '.join(map(str, sources))}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        acquire_archive(
            archives=snakemake.params.archives,
            folder=Path(snakemake.output[0]).parent,
        )
