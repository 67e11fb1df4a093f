import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from baselines import baselines, predict
from cxr import tables
from cxr.baselines import classifier, describe, frame, metadata, statistics, thumbnail
from cxr.predictions import read_split
from split import split

LABELS = np.repeat([1, 0], 60)
NAMES = ["statistics", "frame", "thumbnail", "metadata"]
SEEDS = st.integers(0, 2**32 - 1)


def noise(seed):
    return np.random.default_rng(seed).normal(size=(32, 32)).astype(np.float32)


@pytest.fixture
def data(tmp_path):
    """A folder with 120 images, effusions brighter at the lower left and older."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(120, 32, 32)).astype(np.float32)
    images[:60, 16:, :16] += 0.3
    np.save(tmp_path / "images.npy", images)
    manifest = {
        "id": [f"i{row:03}" for row in rng.permutation(120)],
        "label": LABELS,
        "class": np.where(LABELS, "effusion", "normal"),
        "patient": [f"p{row // 2}" for row in range(120)],
        "age": [str(age) for age in rng.integers(20, 70, 120) + 20 * LABELS],
        "sex": rng.choice(["M", "F", ""], 120),
        "view": "PA",
    }
    pd.DataFrame(manifest).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path


def run(folder, folds=None, test=0.25):
    """Divide the images, run the baselines, and return baselines.csv."""
    pairs = pd.DataFrame(columns=tables.columns("pairs"))
    pairs.to_csv(folder / "pairs.csv", index=False)
    inputs = (folder / "manifest.csv", folder / "pairs.csv")
    split(*inputs, folder / "split.csv", test, 0.2, 1, True, folds)
    files = (folder / name for name in ("images.npy", "manifest.csv", "split.csv"))
    baselines(*files, folds, folder / "baselines.csv")
    return tables.read_table(folder / "baselines.csv", "baselines")


# --- descriptions of an image -------------------------------------------------------------


@given(SEEDS)
def test_statistics_are_blind_to_place(seed):
    image = noise(seed)
    shuffled = np.random.default_rng(seed).permutation(image.ravel()).reshape(image.shape)
    np.testing.assert_allclose(statistics(image), statistics(shuffled), atol=1e-6)


@given(SEEDS)
def test_the_frame_is_blind_to_what_it_surrounds(seed):
    image = noise(seed)
    other = image.copy()
    other[1:-1, 1:-1] = 7
    np.testing.assert_array_equal(frame(image), frame(other))
    other[0, 0] += 8
    assert (frame(image) != frame(other)).sum() == 2  # a corner belongs to two sides


@given(SEEDS)
def test_the_thumbnail_averages_blocks(seed):
    image = noise(seed)
    blocks = image.reshape(8, 4, 8, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(thumbnail(image), blocks.ravel(), atol=1e-5)


def test_the_frame_is_eight_pixels_wide_at_256():
    image = np.zeros((256, 256), np.float32)
    image[8:-8, 8:-8] = 1
    assert not frame(image).any()
    image[7, 100] = 1
    assert frame(image).any()


@pytest.mark.parametrize("side", [32, 100, 256])
def test_every_size_is_described_by_as_many_numbers(side):
    images = np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)
    shapes = {name: values.shape for name, values in describe(images).items()}
    assert shapes == {"statistics": (3, 10), "frame": (3, 32), "thumbnail": (3, 64)}


# --- metadata -----------------------------------------------------------------------------


def patients(**columns):
    return pd.DataFrame({"age": "", "sex": "", "view": ""} | columns, index=range(4))


@pytest.mark.parametrize(
    "columns",
    [{}, {"sex": "F"}, {"age": "50", "view": "PA"}],
    ids=["nothing known", "one sex", "one age and view"],
)
def test_metadata_that_tell_nothing_make_no_baseline(columns):
    assert metadata(patients(**columns)).shape == (4, 0)


def test_metadata_mark_what_is_unknown():
    known = patients(age=["50", "", "61.5", "50"], sex=["M", "F", "", "M"], view="AP")
    expected = [[50, 0, 0, 1], [np.nan, 0, 1, 0], [61.5, 1, 0, 0], [50, 0, 0, 1]]
    np.testing.assert_array_equal(metadata(known), expected)


def test_what_is_unknown_can_tell():
    """A data set that knows the age of its effusions alone: that is a shortcut, so it shows."""
    ages = np.where(LABELS == 1, 50.0, np.nan)[:, np.newaxis]
    predicted = classifier().fit(ages, LABELS).predict_proba(ages)[:, 1]
    assert roc_auc_score(LABELS, predicted) == 1


# --- predictions --------------------------------------------------------------------------


def test_rows_without_folds_are_those_of_predictions_csv(data):
    table = run(data)
    known = read_split(data / "manifest.csv", data / "split.csv").set_index("id")
    assert list(table["baseline"].unique()) == NAMES
    for name, part in table.groupby("baseline"):
        held = known[known["subset"] != "train"]
        assert sorted(part["id"]) == sorted(held.index), name
        assert list(part["subset"]) == list(known.loc[part["id"], "subset"])
        assert list(part["label"]) == list(known.loc[part["id"], "label"])
        assert list(part["subset"].unique()) == ["validation", "test"]
    assert "fold" not in table


def test_rows_with_folds_are_pooled(data):
    table = run(data, folds=4, test=0.2)
    part = table[table["baseline"] == "frame"]
    counts = part["subset"].value_counts()
    assert counts["oof"] + counts["test"] == 120
    assert part[part["subset"] == "oof"]["id"].is_unique
    assert part[part["subset"] == "test"]["id"].is_unique
    assert (part.loc[part["subset"] == "test", "fold"] == "").all()
    for fold in range(1, 5):
        known = read_split(data / "manifest.csv", data / "split.csv", fold).set_index("id")
        own = part[part["fold"] == str(fold)]
        assert set(own["subset"]) == {"validation", "oof"}
        assert list(own["subset"]) == list(known.loc[own["id"], "subset"])


def test_a_test_image_has_the_mean_over_folds(data):
    run(data, folds=4, test=0.2)
    numbers = describe(np.load(data / "images.npy"))["thumbnail"]
    splits = {
        str(fold): read_split(data / "manifest.csv", data / "split.csv", fold)
        for fold in range(1, 5)
    }
    pooled = predict(numbers, splits)
    single = [predict(numbers, {fold: table}) for fold, table in splits.items()]
    for row in pooled[pooled["subset"] == "test"].itertuples():
        values = [table.loc[table["id"] == row.id, "probability"].item() for table in single]
        np.testing.assert_allclose(row.probability, np.mean(values))
        assert len(set(values)) > 1


def test_what_is_there_to_see_is_found(data):
    table = run(data, folds=4, test=0)
    auroc = {
        name: roc_auc_score(part["label"], part["probability"])
        for name, part in table[table["subset"] == "oof"].groupby("baseline")
    }
    assert min(auroc["thumbnail"], auroc["frame"], auroc["metadata"]) > 0.7


def test_only_training_images_are_learned_from(data):
    before = run(data)
    known = read_split(data / "manifest.csv", data / "split.csv")
    images = np.load(data / "images.npy")
    test = known.loc[known["subset"] == "test"]
    images[test["row"].iloc[1:]] *= 50
    np.save(data / "images.npy", images)
    manifest = tables.read_csv(data / "manifest.csv")
    tested = manifest["id"].isin(test["id"])
    manifest["label"] = manifest["label"].mask(tested, manifest["label"].map({"0": "1", "1": "0"}))
    manifest.to_csv(data / "manifest.csv", index=False)
    files = (data / name for name in ("images.npy", "manifest.csv", "split.csv"))
    baselines(*files, None, data / "baselines.csv")
    after = tables.read_table(data / "baselines.csv", "baselines")
    same = ~before["id"].isin(test["id"].iloc[1:])
    np.testing.assert_array_equal(before[same]["probability"], after[same]["probability"])
    assert (before["probability"] != after["probability"]).any()


def test_without_metadata_there_is_no_row(data, capsys):
    manifest = tables.read_csv(data / "manifest.csv").assign(age="", sex="")
    manifest.to_csv(data / "manifest.csv", index=False)
    table = run(data)
    assert list(table["baseline"].unique()) == NAMES[:3]
    out = capsys.readouterr().out
    assert "metadata: age, sex and view are unknown or the same for all images, so no row" in out
    assert "thumbnail  test AUROC " in out


def test_the_same_bytes_twice(data):
    texts = []
    for _ in range(2):
        run(data)
        texts.append((data / "baselines.csv").read_bytes())
    assert texts[0] == texts[1]
