import json

import pytest

import acquire_phantom as script
from cxr.errors import UserError

NUMBERS = {"normal": 3, "effusion": 2, "size": 64, "seed": 5, "processes": 1}


def test_the_phantom_fills_the_folder(tmp_path):
    folder = tmp_path / "phantom"
    script.acquire_phantom(folder, **NUMBERS)
    for name, count in {"normal": 3, "effusion": 2}.items():
        assert len(list((folder / name).glob("*.png"))) == count
    assert list((folder / "masks").glob("*.png"))
    record = json.loads((folder / "acquired.json").read_text())
    assert record.pop("files") == len((folder / "files.csv").read_text().splitlines()) - 1
    assert record == {"source": "phantom", "normal": 3, "effusion": 2, "size": 64, "seed": 5}


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
