import warnings

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cxr import plots, tables
from cxr.errors import UserError
from leakage_labels_figure import COLUMNS, ROWS, draw_errors, headline, leakage_labels_figure


def errors(count):
    label = np.arange(count) % 2
    return pd.DataFrame(
        {
            "rank": np.arange(1, count + 1),
            "id": [f"image-{row}" for row in range(count)],
            "label": label,
            "suggested": 1 - label,
            "probability": np.where(label == 1, 0.125, 0.875),
            "margin": -0.75,
            "verdict": "worth a look",
        }
    )


def summary(reason=""):
    table = pd.DataFrame({"label": [0, 1], "images": [60, 40], "checked": [50, 30]})
    numbers = dict.fromkeys(tables.columns("label_errors_summary")[3:-2], 0)
    verdict = "cannot tell" if reason else "worth a look"
    return table.assign(**numbers, verdict=verdict, reason=reason)


def draw(folder, count, masks=("",), reason=""):
    """Write the inputs for so many errors of twice as many images, and draw."""
    images = 2 * count + 1
    pd.DataFrame(
        {
            "id": [f"image-{row}" for row in range(images)][::-1],
            "mask": [masks[row % len(masks)] for row in range(images)][::-1],
        }
    ).to_csv(folder / "manifest.csv", index=False)
    array = np.random.default_rng(0).normal(size=(images, 24, 24)).astype(np.float32)
    np.save(folder / "images.npy", array)
    tables.write_table(errors(count), folder / "errors.csv", "label_errors")
    tables.write_table(summary(reason), folder / "summary.csv", "label_errors_summary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        leakage_labels_figure(
            errors=folder / "errors.csv",
            summary=folder / "summary.csv",
            manifest=folder / "manifest.csv",
            images=folder / "images.npy",
            output=folder / "sheet.png",
            title="phantom, small",
        )
    return array


@pytest.mark.parametrize("count", [0, 1, 6, 45])
def test_from_none_to_more_than_fit(tmp_path, count):
    draw(tmp_path, count)
    assert not plt.get_fignums()
    rows = max(1, min(ROWS, -(-count // COLUMNS)))
    height, width, _ = cv2.imread(str(tmp_path / "sheet.png")).shape
    assert width == 990
    assert height == pytest.approx(110 * (0.8 + 2.15 * rows), abs=1)


def test_each_x_ray_is_its_own_with_its_given_label(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(plots, "save", lambda figure, path, dpi: kept.append(figure))
    array = draw(tmp_path, 3)
    axes = kept[0].axes
    assert axes[0].get_title() == "1: image-0\nlabel normal, p = 0.88"
    assert axes[1].get_title() == "2: image-1\nlabel effusion, p = 0.12"
    for number in range(3):  # the manifest runs backwards
        np.testing.assert_array_equal(axes[number].images[0].get_array(), array[6 - number])
    assert not axes[3].images
    plt.close("all")


def test_no_error_is_said(tmp_path):
    figure = draw_errors(errors(0).assign(row=[]), np.zeros((1, 9, 9)), {}, "title")
    assert figure.axes[0].texts[0].get_text() == "no label is contradicted"
    plt.close(figure)


def test_only_masks_of_x_rays_shown_are_read(tmp_path):
    mask = np.zeros((50, 50), np.uint8)
    mask[10:30, 10:30] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    shown, gone = str(tmp_path / "mask.png"), str(tmp_path / "gone.png")
    draw(tmp_path, 30, [shown] * 20 + [gone] * 41)
    with pytest.raises(UserError, match=r"gone\.png: file not found"):
        draw(tmp_path, 30, [shown] * 19 + [gone] * 42)


@pytest.mark.parametrize(
    ("count", "outlined", "reason", "expected"),
    [
        (3, False, "", "set: likely label errors (3), 80 of 100 X-rays checked"),
        (
            45,
            True,
            "the network is weak",
            "set: likely label errors (20 of 45), 80 of 100 X-rays checked; outlined: the true "
            "effusion\nCannot tell: the network is weak",
        ),
    ],
)
def test_headline(count, outlined, reason, expected):
    assert headline(count, summary(reason), outlined, "set") == expected
