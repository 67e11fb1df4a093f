import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxr import acquired
from cxr.errors import UserError
from trees import tree

FILES = {"effusion/e0.png": b"one", "normal/n0.png": b"two", "labels.csv": b"path\n"}
SCRIPTS = Path(acquired.__file__).parents[1]


def write(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def names(folder):
    return [path.name for path in folder.iterdir()]


def acquire(folder, files=FILES, **record):
    with acquired.staging(folder) as staging:
        write(staging, files)
        acquired.replace(folder, staging, record)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data" / "phantom"
    acquire(folder, source="phantom", seed=1)
    return folder


def test_listing_and_record(folder):
    assert {path: data for path, data in tree(folder).items() if path in FILES} == FILES
    assert json.loads((folder / "acquired.json").read_text()) == {
        "source": "phantom",
        "seed": 1,
        "files": 3,
    }
    with (folder / "files.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == sorted(FILES)
    for row in rows:
        facts = (folder / row["path"]).stat()
        assert (int(row["size"]), int(row["mtime_ns"])) == (facts.st_size, facts.st_mtime_ns)


def test_nothing_else_is_left_behind(folder):
    acquire(folder)
    assert names(folder.parent) == ["phantom"]


def test_an_acquired_folder_is_replaced_whole(folder):
    acquire(folder, {"normal/n9.png": b"new"}, seed=2)
    assert set(tree(folder)) == {"normal/n9.png", "files.csv", "acquired.json"}
    assert json.loads((folder / "acquired.json").read_text())["seed"] == 2


def test_an_empty_folder_that_snakemake_made_is_filled(tmp_path):
    (tmp_path / "phantom").mkdir()
    acquire(tmp_path / "phantom")
    assert set(FILES) <= set(tree(tmp_path / "phantom"))


def test_a_folder_that_is_a_link_to_another_disk_stays_one(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "scratch").mkdir()
    link = tmp_path / "data" / "phantom"
    link.symlink_to(tmp_path / "scratch")
    for _ in range(2):
        acquire(link)
    assert link.is_symlink()
    assert set(FILES) <= set(tree(tmp_path / "scratch"))
    assert names(tmp_path / "data") == ["phantom"]


@pytest.mark.parametrize(
    "theirs",
    [
        {"normal/mine.png": b"mine"},
        {"normal/n0.png": b"another size"},
        {"normal/n0.png": b"TWO"},
        {"notes.txt": b"mine"},
        {"deep/er/mine.png": b"mine"},
    ],
)
def test_files_of_the_users_are_never_deleted(folder, theirs):
    write(folder, theirs)
    before = tree(folder)
    with pytest.raises(UserError) as error:
        acquire(folder)
    assert tree(folder) == before
    assert names(folder.parent) == ["phantom"]
    for part in ("phantom", next(iter(theirs)), "1 of ", "Nothing was deleted", "source: folder"):
        assert part in str(error.value)


def test_files_of_the_users_stop_the_run_before_any_work(folder):
    write(folder, {"normal/mine.png": b"mine"})
    with pytest.raises(UserError), acquired.staging(folder):
        pytest.fail("worked for nothing")


def test_files_that_come_while_the_job_works_are_kept(folder):
    before = {**tree(folder), "normal/mine.png": b"mine"}
    with pytest.raises(UserError), acquired.staging(folder) as staging:
        write(staging, FILES)
        write(folder, {"normal/mine.png": b"mine"})
        acquired.replace(folder, staging, {})
    assert tree(folder) == before


def test_links_of_the_users_are_neither_followed_nor_deleted(folder, tmp_path):
    write(tmp_path / "mine", {"a.png": b"mine"})
    (folder / "more").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="more"):
        acquire(folder)
    assert (folder / "more" / "a.png").read_bytes() == b"mine"


def test_many_files_of_the_users_are_counted(tmp_path):
    write(tmp_path / "mine", {f"normal/n{i}.png": b"" for i in range(5)})
    with pytest.raises(UserError, match=r"normal/n0.png and normal/n1.png, ... \(5 of 5 files\)"):
        acquire(tmp_path / "mine")


@pytest.mark.parametrize("text", ["", "path\nnormal/n0.png\n", "\0", "path,size\na,b\n", "\xff"])
def test_with_a_spoilt_listing_every_file_counts_as_the_users(folder, text):
    (folder / "files.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="3 of 3"):
        acquire(folder)
    assert acquired.changes(folder)


def test_litter_and_deleted_files_do_not_stop_a_replacement(folder):
    write(folder, {".DS_Store": b"x", "normal/Thumbs.db": b"x"})
    (folder / "normal" / "n0.png").unlink()
    acquire(folder)
    assert tree(folder).keys() == {*FILES, "files.csv", "acquired.json"}


def test_a_copied_folder_is_pleuras_still(folder, tmp_path):
    copy = tmp_path / "elsewhere" / "phantom"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)  # new times
    assert (copy / "labels.csv").stat().st_mtime_ns != (folder / "labels.csv").stat().st_mtime_ns
    acquire(copy, {"normal/n9.png": b"new"})
    assert "normal/n9.png" in tree(copy)


def test_a_record_among_the_new_files_is_overwritten(tmp_path):
    stale = {"acquired.json": b"{}", "files.csv": b"path\n"}
    acquire(tmp_path / "set", {**FILES, **stale}, source="archive")
    assert json.loads((tmp_path / "set/acquired.json").read_text())["files"] == 3
    assert acquired.changes(tmp_path / "set") == ""


def test_a_failed_job_leaves_the_old_folder(folder):
    before = tree(folder)
    with pytest.raises(ZeroDivisionError), acquired.staging(folder) as staging:
        write(staging, {"normal/n9.png": b"new"})
        _ = 1 / 0
    assert tree(folder) == before
    assert names(folder.parent) == ["phantom"]


def test_a_full_disk_is_a_user_error(folder):
    with pytest.raises(UserError, match="No space left"), acquired.staging(folder):
        raise OSError(28, "No space left on device", "x.png")


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[2])
from cxr import acquired
steps = iter(range(100))
def dying(step):
    def wrapped(*args, **kwargs):
        if next(steps) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **kwargs)
    return wrapped
for name in ("mkdir", "open", "write_text", "rename"):
    setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
acquired._remove = dying(acquired._remove)
with acquired.staging(sys.argv[1]) as staging:
    (staging / "new.png").write_bytes(b"new")
    acquired.replace(sys.argv[1], staging, {"seed": 2})
"""


def test_killed_at_any_step_the_folder_is_old_or_new_or_absent_and_the_next_run_works(tmp_path):
    outcomes = set()
    for step in range(30):
        folder = tmp_path / str(step) / "phantom"
        acquire(folder, seed=1)
        old = tree(folder)
        command = [sys.executable, "-S", "-c", KILLED, str(folder), str(SCRIPTS), str(step)]
        status = subprocess.run(command, check=False).returncode
        if status == 0:
            break
        assert status == -signal.SIGKILL
        left = tree(folder)
        if left == old:
            outcomes.add("old")
        elif left:
            outcomes.add("new")
            assert set(left) == {"new.png", "files.csv", "acquired.json"}
            assert json.loads(left["acquired.json"]) == {"seed": 2, "files": 1}
            assert acquired.changes(folder) == ""
        else:
            outcomes.add("absent")
            folder.mkdir()  # as Snakemake does
        acquire(folder, seed=3)
        assert json.loads((folder / "acquired.json").read_text())["seed"] == 3
        assert names(folder.parent) == ["phantom"]
    assert status == 0
    assert outcomes == {"old", "absent", "new"}


# Noticing what users change


def test_a_folder_as_it_was_acquired_has_no_changes(folder):
    assert acquired.changes(folder) == ""
    write(folder, {".DS_Store": b"x"})
    (folder / "acquired.json").unlink()
    assert acquired.changes(folder) == ""


def test_a_folder_still_to_be_acquired_has_no_changes(tmp_path):
    assert acquired.changes(tmp_path / "phantom") == ""
    (tmp_path / "phantom").mkdir()
    assert acquired.changes(tmp_path / "phantom") == ""


def test_each_change_is_noticed_and_can_be_undone(folder):
    seen = {""}

    def differs():
        digest = acquired.changes(folder)
        assert digest == acquired.changes(folder)
        assert digest not in seen
        seen.add(digest)

    image = folder / "normal" / "n0.png"
    facts = image.stat()
    write(folder, {"normal/mine.png": b"1"})
    differs()
    write(folder, {"normal/mine2.png": b"2"})
    differs()
    image.write_bytes(b"TWO")
    os.utime(image, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    differs()
    image.unlink()
    differs()
    (folder / "normal" / "mine.png").unlink()
    (folder / "normal" / "mine2.png").unlink()
    differs()
    image.write_bytes(b"two")
    os.utime(image, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert acquired.changes(folder) == ""


def test_deleting_all_images_is_a_change(folder):
    for path in FILES:
        (folder / path).unlink()
    assert acquired.changes(folder)


def test_the_module_imports_nothing_heavy():
    code = "import sys; from cxr import acquired; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"numpy", "pandas", "cv2", "pooch", "requests", "tensorflow"} & set(modules)
