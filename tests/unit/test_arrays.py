from pathlib import Path

import numpy as np
import pytest

from cxr.arrays import create_array, open_array, scratch_array
from cxr.errors import UserError


def test_an_array_is_read_and_cannot_be_changed(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    array = open_array(tmp_path / "a.npy")
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("length", [0, 5, 60, 150])
def test_a_damaged_array_is_named(tmp_path, length):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(100))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"a\.npy is damaged .*Delete it and run again"):
        open_array(path)


class Runs:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_what_an_array_of_objects_would_do_is_not_done(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Runs(tmp_path / "hacked")]), allow_pickle=True)
    with pytest.raises(UserError, match="no array of numbers"):
        open_array(tmp_path / "a.npy")
    assert not (tmp_path / "hacked").exists()


def test_full_disk_is_told_in_time(tmp_path):
    with pytest.raises(UserError, match=r"images\.npy needs .* MB and the disk .* has .* MB left"):
        create_array(tmp_path / "images.npy", 10**9, 1000)
    with pytest.raises(UserError, match=r"temporary file needs .* MB and the disk .* has"):
        scratch_array((10**9, 1000), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_scratch_array_is_in_a_file_without_a_name(tmp_path):
    array = scratch_array((3, 4), tmp_path)
    assert (array.dtype, array.shape, array.any()) == (np.float32, (3, 4), False)
    array[1] = 7
    assert not list(tmp_path.iterdir())
    maps = Path("/proc/self/maps")
    if maps.exists():  # Linux
        assert f"{tmp_path}/" in maps.read_text()
