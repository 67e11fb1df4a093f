import warnings

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cxr.errors import UserError
from cxr.tables import columns, read_table
from report_times import draw_times, duration, read_job, report_times, rules_by_stage, summary

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
# job, seconds, MiB, CPU seconds
JOBS = {
    "manifest_images": ("4.00", "100.50", "3.00"),
    "preprocess_shard-1-of-2": ("30.00", "200.00", "20.00"),
    "preprocess_shard-2-of-2": ("20.00", "300.00", "20.00"),
    "preprocess_gather": ("1.00", "NA", "NA"),
    "a-name/seed-1/fold-2/train_network": ("45.00", "900.25", "60.00"),
}


@pytest.fixture
def folder(tmp_path):
    """The benchmark files of JOBS, as Snakemake writes them."""
    root = tmp_path / "mine" / "benchmarks"
    for job, (seconds, memory, cpu) in JOBS.items():
        path = root / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        row = [seconds, "0:00:04", memory, "1.0", "1.0", "-", "0.0", "-", "90.0", cpu]
        path.write_text(HEADER + "\n" + "\t".join(row) + "\n")
    return root


def report(folder, jobs=JOBS):
    """times.csv and the pixels of times.png, written without a warning."""
    table, figure = folder.parent / "times.csv", folder.parent / "times.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report_times([f"{folder}/{job}.tsv" for job in jobs], folder, table, figure)
    assert not plt.get_fignums()
    return read_table(table, "times"), cv2.imread(str(figure))


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_each_job_has_a_row(folder):
    table, picture = report(folder)
    rules = ["manifest_images", *["preprocess_shard"] * 2, "preprocess_gather", "train_network"]
    assert [*table["rule"]] == rules
    assert [*table["stage"]] == ["manifest", *["preprocess"] * 3, "train"]
    assert [*table["job"]] == [*JOBS]
    assert [*table["seconds"]] == [4, 30, 20, 1, 45]
    np.testing.assert_array_equal(table["cpu_seconds"], [3, 20, 20, np.nan, 60])
    np.testing.assert_array_equal(table["memory_mb"], [100.5, 200, 300, np.nan, 900.25])
    assert (picture != 255).mean() > 0.01


def test_a_job_without_a_file_is_left_out(folder):
    table, _ = report(folder, ["manifest_images", "split_images"])
    assert [*table["job"]] == ["manifest_images"]


def test_a_file_of_no_job_of_the_run_is_left_out(folder):
    table, _ = report(folder, ["a-name/seed-1/fold-2/train_network"])
    assert [*table["seconds"]] == [45]


def test_columns_that_snakemake_adds_on_demand_do_no_harm(folder):
    path = folder / "manifest_images.tsv"
    header, row = path.read_text().splitlines()
    path.write_text(f"{header}\tjobid\trule_name\n{row}\t3\tmanifest_images\n")
    assert read_job(path, folder)["seconds"] == 4


@pytest.mark.parametrize("text", ["", HEADER, "a\tb\n1\t2\n", f"{HEADER}\n" + "x\t" * 9 + "x\n"])
def test_another_file_is_refused(folder, text):
    path = folder / "manifest_images.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"manifest_images\.tsv: this is no benchmark file"):
        read_job(path, folder)


def test_stages_and_rules_come_by_their_time(folder):
    rows = rules_by_stage(report(folder)[0])
    rules = ["preprocess_shard", "preprocess_gather", "train_network", "manifest_images"]
    assert [*rows["rule"]] == rules
    assert [*rows["jobs"]] == [2, 1, 1, 1]
    assert [*rows["seconds"]] == [50, 1, 45, 4]
    np.testing.assert_array_equal(rows["memory_mb"], [300, np.nan, 900.25, 100.5])
    np.testing.assert_allclose(rows["share"], [0.51, 0.51, 0.45, 0.04])


def test_summary_adds_up(folder):
    assert (
        summary(report(folder)[0]) == "5 jobs, 100 s together; CPU time at least 103 s, 103 % of it"
    )


def test_figure_shows_each_rule_with_time_and_memory(folder):
    figure = draw_times(report(folder)[0], "mine")
    times, memory = figure.axes
    names = [label.get_text() for label in times.get_yticklabels()]
    expected = ["preprocess_shard (2 jobs)", "preprocess_gather", "train_network"]
    assert names == [*expected, "manifest_images"]
    np.testing.assert_allclose([bar.get_width() for bar in times.patches], [50, 1, 45, 4])
    np.testing.assert_allclose([bar.get_width() for bar in memory.patches], [300, 0, 900.25, 100.5])
    assert {"50 s", "1.0 s", "preprocess 51.0 %", "train 45.0 %", "manifest 4.0 %"} <= {
        *texts(figure)
    }
    assert [text.get_text() for text in memory.texts] == ["300", "", "900", "100"]
    assert times.get_ylim()[0] > times.get_ylim()[1]  # the longest on top
    plt.close(figure)


def test_long_runs_are_told_in_hours(folder):
    table = report(folder)[0].assign(seconds=[1, 2, 3, 4, 36000.0])
    figure = draw_times(table, "mine")
    assert "(h)" in figure.axes[0].get_xlabel()
    assert figure.axes[0].patches[0].get_width() == pytest.approx(10)
    assert "10 h" in texts(figure)
    plt.close(figure)


def test_no_file_at_all(folder):
    table, picture = report(folder, [])
    assert table.empty and [*table.columns] == columns("times")
    assert (picture != 255).any()
    assert summary(table) == "no job left a benchmark file"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.94, "0.9 s"), (9.94, "9.9 s"), (119, "119 s"), (120, "2.0 min")),
        *((7199, "120 min"), (7200, "2.0 h"), (360000, "100 h")),
    ],
)
def test_duration_in_words(seconds, text):
    assert duration(seconds) == text


def test_the_same_bytes_twice(folder):
    pictures = []
    for _ in range(2):
        report(folder)
        pictures.append((folder.parent / "times.png").read_bytes())
    assert pictures[0] == pictures[1]
