import matplotlib.pyplot as plt
import pandas as pd

from cxr.counts import count_images, count_patients, draw_counts
from cxr.folds import parts

TABLE = pd.DataFrame(
    [
        ("train", "effusion", "a"),
        ("train", "effusion", "a"),
        ("train", "normal", "a"),
        ("train", "normal", "b"),
        ("test", "effusion", "c"),
        ("test", "normal", ""),
    ],
    columns=["subset", "class", "patient"],
)
TABLE["part"] = parts(TABLE)


def numbers(axis):
    """The numbers over the bars of each class, and the labels below."""
    bars = [[int(bar.get_height()) for bar in group] for group in axis.containers]
    return bars, [label.get_text() for label in axis.get_xticklabels()]


def test_images_and_patients_of_each_subset_and_class():
    subsets = ["train", "validation", "test"]
    images, patients = count_images(TABLE), count_patients(TABLE)
    assert [*images.index] == [*patients.index] == subsets
    assert images.to_numpy().tolist() == [[2, 2], [0, 0], [1, 1]]
    assert patients.to_numpy().tolist() == [[1, 2], [0, 0], [1, 0]]


def test_a_patient_of_both_classes_counts_once_in_all():
    figure = draw_counts(TABLE, "title")
    images, patients = figure.axes
    labels = ["train\n4 images", "validation\n0 images", "test\n2 images"]
    assert numbers(images) == ([[2, 0, 1], [2, 0, 1]], labels)
    labels = ["train\n2 patients", "validation\n0 patients", "test\n1 patient"]
    assert numbers(patients) == ([[1, 0, 1], [2, 0, 0]], labels)
    assert patients.get_title(loc="left") == "(patient of 1 image unknown)"
    plt.close(figure)


def test_unknown_patients_are_not_counted():
    figure = draw_counts(TABLE.assign(patient=""), "title")
    assert [text.get_text() for text in figure.axes[1].texts] == ["patients are not known"]
    assert not figure.axes[1].containers
    plt.close(figure)
