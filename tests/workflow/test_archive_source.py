"""Archives over a local web server: what is fetched, verified, unpacked, refused."""

import hashlib
import socket
import stat
import zipfile
from pathlib import Path

from tiny import configure, finish, refuse
from xrays import write_folder

Served = tuple[Path, str]


def make_zip(path: Path, folder: Path) -> str:
    """Pack `folder` into a zip, under its own name, and return the zip's sha256."""
    with zipfile.ZipFile(path, "w") as file:
        for image in sorted(folder.rglob("*.png")):
            file.write(image, image.relative_to(folder.parent).as_posix())
    return checksum(path)


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def use(root: Path, url: str, sha256: str) -> None:
    dataset = {"source": "archive", "url": url, "sha256": sha256}
    configure(root, {"dataset": "fetched", "datasets": {"fetched": dataset}})


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_archive_is_fetched_and_used_up_to_the_split(fresh: Path, served: Served) -> None:
    folder, address = served
    sha256 = make_zip(folder / "xrays.zip", write_folder(folder / "xrays", 12, 14))
    use(fresh, f"{address}/xrays.zip", sha256)
    text = finish(fresh, "preprocess", "split")
    assert "12 effusion, 14 normal" in text
    assert checksum(fresh / "data/downloads/xrays.zip") == sha256
    assert len((fresh / "results/fetched/split.csv").read_text().splitlines()) == 27
    (folder / "xrays.zip").unlink()  # what is there is not fetched again
    assert "Nothing to be done" in finish(fresh, "preprocess", "split")


def test_wrong_checksum_keeps_nothing_and_the_right_one_goes_on(
    fresh: Path, served: Served
) -> None:
    folder, address = served
    sha256 = make_zip(folder / "xrays.zip", write_folder(folder / "xrays", 12, 12))
    use(fresh, f"{address}/xrays.zip", "0" * 64)
    text = refuse(fresh, "acquire")
    assert f"sha256 {sha256}, but datasets.fetched.sha256 is {'0' * 64}" in text
    assert leftovers(fresh) == []
    use(fresh, f"{address}/xrays.zip", sha256)
    finish(fresh, "manifest")


def test_archive_placed_by_hand_survives_a_wrong_checksum(fresh: Path, served: Served) -> None:
    folder, address = served
    placed = fresh / "data" / "downloads" / "xrays.zip"
    placed.parent.mkdir()
    sha256 = make_zip(placed, write_folder(folder / "xrays", 12, 12))
    before = placed.read_bytes(), placed.stat().st_mtime_ns
    use(fresh, f"{address}/xrays.zip", "0" * 64)
    text = refuse(fresh, "acquire")
    assert "data/downloads/xrays.zip is there already" in text
    assert "datasets.fetched.sha256" in text
    assert (placed.read_bytes(), placed.stat().st_mtime_ns) == before
    use(fresh, f"{address}/xrays.zip", sha256)  # the server has no such file: it is not asked
    assert "checksum verified" in finish(fresh, "acquire")
    assert (placed.read_bytes(), placed.stat().st_mtime_ns) == before


def test_archives_that_cannot_be_had_or_trusted_end_in_one_message_each(
    fresh: Path, served: Served
) -> None:
    folder, address = served
    images = write_folder(folder / "xrays", 2, 2)
    make_zip(folder / "whole.zip", images)
    whole = (folder / "whole.zip").read_bytes()
    middle = len(whole) // 2
    (folder / "corrupt.zip").write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    link = zipfile.ZipInfo("xrays/normal/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for name, member in (
        ("outside", zipfile.ZipInfo("../outside.png")),
        ("absolute", zipfile.ZipInfo("/tmp/absolute.png")),
        ("link", link),
    ):
        make_zip(folder / f"{name}.zip", images)
        with zipfile.ZipFile(folder / f"{name}.zip", "a") as file:
            file.writestr(member, "/etc/passwd")
    expected = {
        "refused": "could not be fetched: the connection to the server failed",
        "missing": "the server answered 404",
        "corrupt": "The archive is damaged",
        "outside": "leads outside the folder (..)",
        "absolute": "has an absolute path",
        "link": "is a link",
    }
    for name in expected:
        file = folder / f"{name}.zip"
        host = f"http://127.0.0.1:{closed_port()}" if name == "refused" else address
        sha256 = checksum(file) if file.exists() else "0" * 64
        dataset = {"source": "archive", "url": f"{host}/{name}.zip", "sha256": sha256}
        configure(fresh, {"datasets": {name: dataset}})
    targets = [f"data/{name}/acquired.json" for name in expected]
    text = refuse(fresh, *targets, "--keep-going")
    for name, words in expected.items():
        messages = {line for line in text.splitlines() if words in line}
        assert len(messages) == 1, text
        assert f"{name}.zip" in messages.pop()
    trusted = ("absolute", "corrupt", "link", "outside")  # the checksum was right
    assert leftovers(fresh) == [f"downloads/{name}.zip" for name in trusted]
    assert not (fresh / "outside.png").exists()


def leftovers(root: Path) -> list[str]:
    """What stands below data/ but for its README."""
    data = root / "data"
    files = (path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())
    return sorted(name for name in files if name != "README.md")
