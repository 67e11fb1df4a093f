import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess_gather import BLOCK, gather


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(0, 2 * BLOCK + 1), min_size=1, max_size=5))
def test_rows_stand_in_the_order_of_the_shards(tmp_path_factory, counts):
    folder = tmp_path_factory.mktemp("shards")
    whole = np.random.default_rng(0).normal(size=(sum(counts), 3, 3)).astype(np.float32)
    paths, done = [], 0
    for i, count in enumerate(counts):
        paths.append(folder / f"{i}.npy")
        np.save(paths[-1], whole[done : done + count])
        done += count
    gather(paths, folder / "images.npy")
    np.testing.assert_array_equal(np.load(folder / "images.npy"), whole)


def test_the_file_is_what_numpy_would_write(tmp_path):
    images = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    np.save(tmp_path / "a.npy", images)
    gather([tmp_path / "a.npy"], tmp_path / "images.npy")
    assert (tmp_path / "images.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


def test_shards_of_different_sizes_are_refused(tmp_path):
    for side in (2, 3):
        np.save(tmp_path / f"{side}.npy", np.zeros((1, side, side), np.float32))
    with pytest.raises(ValueError, match="differ in size"):
        gather([tmp_path / "2.npy", tmp_path / "3.npy"], tmp_path / "images.npy")
