import numpy as np

from cxr.draws import seeded

IMAGE = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)


def test_an_image_gets_its_own_numbers_each_time():
    first = seeded(IMAGE).random(4)
    np.testing.assert_array_equal(seeded(IMAGE.copy()).random(4), first)
    np.testing.assert_array_equal(seeded(np.asfortranarray(IMAGE)).random(4), first)
    changed = IMAGE.copy()
    changed[3, 3] += 1
    assert not np.array_equal(seeded(changed).random(4), first)


def test_each_purpose_gets_numbers_of_its_own():
    """Or noise of a check would follow the noise of a method."""
    assert not np.array_equal(seeded(IMAGE, "check").random(4), seeded(IMAGE).random(4))
