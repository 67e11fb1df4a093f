import matplotlib.pyplot as plt
import pytest

from cxr import plots


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("phantom-e12", "phantom-e12"),
        ("x" * 22, "x" * 22),
        ("abcdefghijklmnopqrstuvw", "abcdefghijklm…pqrstuvw"),
    ],
)
def test_names_fit_over_a_picture(name, short):
    assert plots.short_name(name) == short
    assert len(short) <= 22


def test_captions_are_plain_and_in_the_middle():
    figure, axis = plt.subplots()
    plots.caption(axis, "e0\np = 0.98")
    assert axis.get_title(loc="center") == "e0\np = 0.98"
    assert axis.title.get_fontweight() == "normal"
    plt.close(figure)
