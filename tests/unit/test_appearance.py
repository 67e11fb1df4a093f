import cv2
import numpy as np
import pytest

from cxr.appearance import looks_inverted
from cxr.images import read_grey
from cxr.phantom import draw_dataset


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    draw_dataset(folder, normal=15, effusion=15, size=96, seed=5, processes=1)
    return [read_grey(path) for path in sorted(folder.glob("[en]*/*.png"))]


def test_phantoms_and_their_negatives(phantoms):
    assert len(phantoms) == 30
    assert not any(map(looks_inverted, phantoms))
    assert all(looks_inverted(255 - image) for image in phantoms)


def test_grey_scale_depth_and_shape_do_not_matter(phantoms):
    for image in phantoms[:5]:
        squeezed = cv2.resize(image, (200, 90))
        for same in (image.astype(np.uint16) * 257, image // 4 + 100, squeezed):
            assert not looks_inverted(same)
            assert looks_inverted(np.iinfo(same.dtype).max - same)


def test_an_image_without_contrast_is_no_negative():
    assert not looks_inverted(np.full((40, 50), 7, np.uint8))


def test_real_xrays(real):
    images = [read_grey(path) for path in sorted((real / "nih/images").glob("*.png"))]
    assert sum(map(looks_inverted, images)) <= 0.01 * len(images)
    assert sum(looks_inverted(255 - image) for image in images) >= 0.99 * len(images)
