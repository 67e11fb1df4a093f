import json

import pytest

import acquire_phantom as script
from cxr.errors import UserError

DRAWN = {
    "normal": 3,
    "effusion": 2,
    "size": 64,
    "seed": 5,
    "label_noise": 0,
    "shortcut": {"kind": "none", "share": 0.8},
}
NUMBERS = {**DRAWN, "processes": 1}


def test_the_phantom_fills_the_folder(tmp_path):
    folder = tmp_path / "phantom"
    script.acquire_phantom(folder, **NUMBERS)
    for name, count in {"normal": 3, "effusion": 2}.items():
        assert len(list((folder / name).glob("*.png"))) == count
    assert list((folder / "masks").glob("*.png"))
    record = json.loads((folder / "acquired.json").read_text())
    assert record.pop("files") == len((folder / "files.csv").read_text().splitlines()) - 1
    assert record == {"source": "phantom", **DRAWN}


def test_label_noise_moves_images_and_nothing_else(tmp_path):
    clean, noisy = tmp_path / "clean", tmp_path / "noisy"
    numbers = {**NUMBERS, "effusion": 3}
    script.acquire_phantom(clean, **numbers)
    script.acquire_phantom(noisy, **{**numbers, "label_noise": 0.4})
    images = [sorted(folder.glob("[en]*/*.png")) for folder in (clean, noisy)]
    assert [path.parent for path in images[0]] != [path.parent for path in images[1]]
    bytes_of = [{path.name: path.read_bytes() for path in paths} for paths in images]
    assert bytes_of[0] == bytes_of[1]
    assert json.loads((noisy / "acquired.json").read_text())["label_noise"] == 0.4


def test_a_shortcut_is_planted_and_recorded(tmp_path):
    planted = {"kind": "marker", "share": 1.0}
    script.acquire_phantom(tmp_path / "phantom", **{**NUMBERS, "shortcut": planted})
    marked = (tmp_path / "phantom" / "shortcuts.csv").read_text().splitlines()
    assert [row.split(",")[2] for row in marked] == ["marked", "1", "1", "0", "0", "0"]
    assert json.loads((tmp_path / "phantom" / "acquired.json").read_text())["shortcut"] == planted


def test_a_users_image_among_the_phantoms_is_kept(tmp_path):
    folder = tmp_path / "phantom"
    script.acquire_phantom(folder, **NUMBERS)
    (folder / "normal" / "mine.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"normal/mine\.png"):
        script.acquire_phantom(folder, **{**NUMBERS, "seed": 6})
    assert (folder / "normal" / "mine.png").read_bytes() == b"mine"
    assert json.loads((folder / "acquired.json").read_text())["seed"] == 5


@pytest.mark.parametrize("total, step", [(1, 1), (3, 1), (5, 1), (700, 1), (700, 22), (40, 40)])
def test_progress_is_said_four_times_at_most(total, step, capsys):
    progress = script._say_quarters()
    for done in [*range(step, total, step), total]:
        progress(done, total)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == min(4, -(-total // step))
    assert lines[-1] == f"drew {total} of {total} phantom X-rays"
