import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_saliency_agreement import run, write_method

from cxr import heatmaps, plots
from cxr.errors import UserError
from saliency_figures import saliency_figures

METHODS = ["gradcam_plus_plus", "scorecam"]


@pytest.fixture
def drawn(monkeypatch):
    """Figures as they are saved, kept open to be looked into."""
    kept = []
    monkeypatch.setattr(plots, "save", lambda figure, path, dpi: kept.append(figure))
    yield kept
    plt.close("all")


def draw(folder, count=4, methods=METHODS, empty=(), mask=False, ids=None, gone=()):
    """Write the inputs for so many images, and draw."""
    random = np.random.default_rng(0)
    ids = ids or [f"image-{i}" for i in range(count)]
    parts = [write_method(folder, name, random.random((count, 16, 16)), empty) for name in methods]
    run(folder, methods, parts)
    for name in ("maps", "agreement"):
        table = pd.read_csv(folder / f"{name}.csv")
        table["id"] = table["id"].map({f"image-{i}": name for i, name in enumerate(ids)})
        table.to_csv(folder / f"{name}.csv", index=False)
    np.save(folder / "images.npy", random.normal(size=(count, 16, 16)))
    outline = np.zeros((40, 40), np.uint8)
    outline[20:30, 5:15] = 255
    cv2.imwrite(str(folder / "mask.png"), outline)
    masks = [str(folder / "mask.png") if mask and i % 2 else "" for i in range(count)]
    masks = [str(folder / f"gone-{i}.png") if i in gone else masks[i] for i in range(count)]
    pd.DataFrame({"id": ids, "mask": masks}).to_csv(folder / "manifest.csv", index=False)
    saliency_figures(
        table=folder / "maps.csv",
        pairs=folder / "agreement.csv",
        summary=folder / "agreement_summary.csv",
        methods=methods,
        maps=[folder / f"{name}.npy" for name in methods],
        images=folder / "images.npy",
        manifest=folder / "manifest.csv",
        outputs={name: folder / f"{name}.png" for name in ("maps", "agreement")},
        title="phantom, small, seed 1",
    )


def words(figure):
    """All text in a figure."""
    found = figure.findobj(plt.Text)
    return [text.get_text() for text in found if text.get_visible() and text.get_text()]


def test_figures_are_written_as_pictures(tmp_path):
    draw(tmp_path, mask=True)
    for name in ("maps", "agreement"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 20


def test_each_xray_stands_beside_its_maps_with_class_and_probability(tmp_path, drawn):
    draw(tmp_path)
    text = words(drawn[0])
    assert "image-1\neffusion, p = 0.25" in text
    assert "image-2\nnormal, p = 0.25" in text
    assert text.count("GradCAM++\nfor effusion") == text.count("ScoreCAM\nfor effusion") == 4
    assert {"evidence, in each map by itself", "lowest", "top 1 %"} <= set(text)
    assert "phantom, small, seed 1: 4 X-rays" in text
    assert "phantom, small, seed 1: do the methods agree? n = 4 X-rays" in words(drawn[1])


def test_empty_maps_are_labelled_and_not_painted(tmp_path, drawn):
    draw(tmp_path, empty=[1])
    maps = drawn[0]
    labelled = [a for a in maps.axes if "empty map" in [t.get_text() for t in a.texts]]
    assert len(labelled) == 2
    assert all(len(axis.images) == 1 for axis in labelled)  # the X-ray alone
    painted = [a for a in maps.axes if "for effusion" in a.get_title() and a not in labelled]
    assert len(painted) == 6
    assert all(len(axis.images) == 2 for axis in painted)
    assert "image-1\neffusion, p = 0.25" not in words(drawn[1])  # nothing to compare


def test_the_true_effusion_is_outlined_where_it_is_known(tmp_path, drawn):
    draw(tmp_path, mask=True)
    panels = [a for a in drawn[0].axes if a.get_title()]  # an X-ray, then its map by each method
    outlines = [len(axis.collections) for axis in panels]
    assert outlines == [0, 0, 0, 1, 1, 1] * 2
    assert "phantom, small, seed 1: 4 X-rays; outlined: the true effusion" in words(drawn[0])


def test_a_mask_that_has_gone_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone-1\.png: file not found\. It was fine when"):
        draw(tmp_path, gone=[1])


def test_only_the_masks_of_images_that_are_shown_are_read(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(heatmaps, "SHOWN", 3)
    draw(tmp_path, count=12)
    pairs = pd.read_csv(tmp_path / "agreement.csv").sort_values("spearman")["id"]
    shown = {*(f"image-{i}" for i in range(3)), *pairs[:2], *pairs[-2:]}
    unseen = [i for i in range(12) if f"image-{i}" not in shown]
    draw(tmp_path, count=12, gone=unseen)
    assert len(unseen) >= 5
    for i in set(range(12)) - set(unseen):
        with pytest.raises(UserError, match=rf"gone-{i}\.png"):
            draw(tmp_path, count=12, gone=[i])


def test_the_pairs_that_agree_most_and_least_are_shown(tmp_path, drawn):
    draw(tmp_path, count=7)
    pairs = pd.read_csv(tmp_path / "agreement.csv").sort_values("spearman", ascending=False)
    text = "\n".join(words(drawn[1]))
    for row in pairs.head(2).itertuples():
        assert f"{row.id}\n" in text
        assert f"most alike: {row.spearman:+.2f}" in text
    assert f"least alike: {pairs['spearman'].iloc[-1]:+.2f}" in text
    assert "mean with 95 % interval, n = 7" in text


def test_only_so_many_images_are_shown_and_it_says_so(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(heatmaps, "SHOWN", 3)
    draw(tmp_path, count=5)
    assert any("the first 3 of 5 X-rays" in text for text in words(drawn[0]))
    assert sum("p = " in text for text in words(drawn[0])) == 3


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("methods", [METHODS, METHODS[:1]], ids=["two", "one"])
def test_few_images_and_one_method_can_be_drawn(count, methods, tmp_path):
    draw(tmp_path, count=count, methods=methods)
    assert (tmp_path / "agreement.png").stat().st_size > 5000


def test_nothing_to_compare_is_said(tmp_path, drawn):
    draw(tmp_path, count=2, empty=[0, 1])
    assert "no image has two maps to compare" in words(drawn[1])


def test_ids_are_shown_as_they_are_and_never_too_long(tmp_path, drawn):
    draw(tmp_path, count=2, ids=["cost_$5$_<b>", "x" * 150])
    text = "\n".join(words(drawn[0]))
    assert "cost_$5$_<b>\n" in text
    assert max(len(line) for line in text.splitlines()) < 60


def test_one_method_is_said_to_have_nothing_to_compare(tmp_path, drawn):
    draw(tmp_path, count=2, methods=METHODS[:1])
    assert "one method: nothing to compare" in words(drawn[1])


def matrices(figure):
    """Numbers in the cells of both matrices by (row, column), each with its colours."""
    axes = [axis for axis in figure.findobj(plt.Axes) if axis.get_title(loc="left")]
    return [
        ({tuple(map(int, t.get_position()))[::-1]: t.get_text() for t in a.texts[1:]}, a.images[0])
        for a in axes
    ]


@pytest.mark.parametrize("count", [2, 5, 8])
def test_means_of_all_pairs_of_methods_stand_in_coloured_cells(count, tmp_path, drawn):
    methods = [f"m{i}" for i in range(count)]
    draw(tmp_path, count=6, methods=methods)
    (spearman, colours), (ssim, _) = matrices(drawn[1])
    summary = pd.read_csv(tmp_path / "agreement_summary.csv").set_index(["first", "second"])
    assert len(spearman) == count * (count - 1)
    assert len(ssim) == count * (count - 1) / 2
    for (first, second), row in summary.iterrows():
        place = (methods.index(second), methods.index(first))
        assert float(spearman[place]) == pytest.approx(row["spearman"], abs=0.0051)
        assert float(spearman[place[::-1]]) == pytest.approx(row["others"], abs=0.0051)
        assert float(ssim[place]) == pytest.approx(row["ssim"], abs=0.0051)
        assert colours.get_array()[place] == pytest.approx(row["spearman"])
    assert colours.get_clim() == (-1, 1)
    assert "-0.00" not in [*spearman.values(), *ssim.values()]
    dots = "mean with 95 % interval, n = 6" in words(drawn[1])
    assert dots == (count == 2)  # too many pairs to draw each image's


@pytest.mark.parametrize("count", [2, 4, 8])
def test_nothing_overlaps_with_few_or_many_methods(count, tmp_path, drawn):
    draw(tmp_path, count=3, methods=[f"long_method_{i}" for i in range(count)])
    for figure in drawn:
        figure.canvas.draw()
        axes = [axis for axis in figure.findobj(plt.Axes) if axis.images or axis.lines]
        boxes = [axis.get_tightbbox() for axis in axes]
        width, height = figure.canvas.get_width_height()
        for number, box in enumerate(boxes):
            assert min(box.x0, box.y0) >= -1
            assert box.x1 <= width + 1
            assert box.y1 <= height + 1
            assert not any(smaller(box).overlaps(other) for other in boxes[number + 1 :])


def smaller(box):
    """A box without its border of two pixels, where letters only touch."""
    return box.from_extents(box.x0 + 2, box.y0 + 2, box.x1 - 2, box.y1 - 2)


def test_extremes_are_of_different_images_and_pairs_of_methods():
    """Two methods that always agree would fill the figure."""
    pairs = pd.DataFrame(
        {
            "id": list("wxyzwxyz"),
            "first": "a",
            "second": ["b"] * 4 + ["c"] * 4,
            "spearman": [0.99, 0.98, 0.97, np.nan, 0.5, 0.4, 0.1, 0.2],
        }
    )
    most, least = heatmaps.find_extremes(pairs).values()
    assert list(most["spearman"]) == [0.99, 0.4]
    assert list(least["spearman"]) == [0.1, 0.98]
    most, least = heatmaps.find_extremes(pairs[:4]).values()
    assert list(most["spearman"]) == [0.99, 0.98]
    assert list(least["spearman"]) == [0.97]


def painted(cam):
    """Colours and opacity of a map over its X-ray, float (side, side, 4)."""
    axis = plt.figure().subplots()
    heatmaps.draw_map(axis, cam[::-1], cam, empty=False)
    overlay = axis.images[1]
    plt.close("all")
    return overlay.cmap(overlay.norm(cam))


def test_the_xray_shows_through_where_a_map_is_low():
    cam = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    alpha = painted(cam)[..., 3]
    assert alpha[0, 0] == 0
    assert alpha[-1, -1] == pytest.approx(heatmaps.VEIL)
    assert (np.diff(alpha.ravel()) >= 0).all()


def test_a_few_high_pixels_do_not_hide_the_rest_of_a_map():
    cam = np.linspace(0, 0.1, 400, dtype=np.float32).reshape(20, 20)
    cam[-1, -3:] = 1
    colours = painted(cam)
    assert colours[10, 10, 3] > 0.3 * heatmaps.VEIL
    np.testing.assert_array_equal(colours[-1, -1], colours[-1, -3])


def test_a_map_of_a_single_pixel_is_drawn():
    cam = np.zeros((32, 32), np.float32)
    cam[3, 4] = 1
    alpha = painted(cam)[..., 3]
    assert alpha[3, 4] == pytest.approx(heatmaps.VEIL)
    assert np.count_nonzero(alpha) == 1
