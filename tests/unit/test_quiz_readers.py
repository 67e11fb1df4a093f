import pytest

from cxr import tables
from cxr.errors import UserError
from cxr.readers import METRICS
from quizzes import LABELS, set_beside, write_files, write_reader

RIGHT = {f"i{row}": 1 + 4 * label for row, label in enumerate(LABELS)}


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path / "quiz")


def readers(folder):
    set_beside(folder)
    return tables.read_table(folder / "readers.csv", "readers")


def test_without_readers_both_tables_are_empty(files):
    assert readers(files).empty
    assert tables.read_table(files / "readers_agreement.csv", "readers_agreement").empty
    (files / "readers").mkdir()
    assert readers(files).empty


def test_each_file_is_a_reader_on_the_images_that_it_rates(files):
    write_reader(files, "zoë", RIGHT)
    write_reader(files, "ben", {name: RIGHT[name] for name in ("i0", "i1", "i2", "i3")})
    found = readers(files)
    assert [*found["reader"]] == ["ben"] * len(METRICS) + ["zoë"] * len(METRICS)
    assert [*found["n"]] == [4] * len(METRICS) + [10] * len(METRICS)
    accuracy = found[found["metric"] == "accuracy"].set_index("reader")
    assert [*accuracy["value"]] == [1, 1]
    assert [*accuracy["network"]] == [0.75, 0.8]
    pairs = tables.read_table(files / "readers_agreement.csv", "readers_agreement")
    assert [*pairs["readers"]] == ["ben, zoë"]
    assert [*pairs["n"]] == [4]


def test_the_network_is_judged_at_its_own_threshold(files):
    write_reader(files, "anna", RIGHT)
    (files / "metrics.json").write_text('{"threshold": 0.32}')
    found = readers(files).set_index("metric")
    assert found.at["accuracy", "network"] == 0.9  # i2 is found now, i5 still wrong


def test_what_is_no_reader_of_this_data_set_is_left_out_with_a_word(files, capsys):
    write_reader(files, "anna", RIGHT)
    write_reader(files, "other", {"x": 3}, dataset="another")
    (files / "readers" / "notes.txt").write_text("call Anna")
    (files / "readers" / ".hidden.csv").write_text("")
    assert set(readers(files)["reader"]) == {"anna"}
    said = capsys.readouterr().out
    assert "notes.txt left out, its name does not end in .csv" in said
    assert "other.csv left out, it rates no X-ray of mine" in said
    assert "hidden" not in said


def test_a_wrong_file_ends_the_run_and_stays_as_it_is(files):
    path = write_reader(files, "anna", RIGHT | {"i99": 3})
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"readers/anna\.csv rates .* held-out .*: i99"):
        set_beside(files)
    assert path.read_bytes() == before


def test_hostile_names_of_files_are_text(files):
    write_reader(files, '<b>=1+1, "x"\n', RIGHT)
    assert set(readers(files)["reader"]) == {'<b>=1+1, "x"\\x0a'}
