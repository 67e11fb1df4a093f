import numpy as np
import pandas as pd
import pytest

from audit_sanity import audit_sanity
from audited import ORDER, write_images, write_network
from cxr import cams, mapped, sanity, similarity, tables
from cxr.backend import fix_bits
from cxr.methods import SLOW
from cxr.probes import choose_stages, compare, compare_networks
from cxr.randomisation import own_maps, small_maps, stages

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
METHODS = ["occlusion", "gradcam", "edges", "random"]
SANITY = {"cascading", "independent", "noise", "shift", "target"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images, a network, one of another seed and one that learned permuted labels."""
    folder = write_images(tmp_path_factory.mktemp("audit"))
    for seed, name in enumerate(["model", "other", "permuted"]):
        write_network(folder, f"{name}.keras", seed)
    return folder


def run(folder, output, **changes):
    arguments = {
        "model": folder / "model.keras",
        "seeds": [folder / "other.keras"],
        "permuted": [folder / "permuted.keras"],
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "fold": None,
        "methods": METHODS,
        "number": 8,
        "slow": 5,
        "draws": 2,
        "whole": True,
        "target": "predicted",
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "output": output / "sanity.csv",
    }
    audit_sanity(**arguments | changes)
    return tables.read_table(output / "sanity.csv", "sanity")


@pytest.fixture(scope="module")
def table(folder, tmp_path_factory):
    """sanity.csv of the whole audit."""
    return run(folder, tmp_path_factory.mktemp("out"))


@pytest.fixture
def network(folder):
    """A network, and images as it sees them."""
    logits, layer, _ = mapped.open_network(folder / "model.keras", None, THREADS, 200)
    inputs = mapped.read_inputs(np.load(folder / "images.npy"), np.arange(6), 16)
    return logits, layer, inputs


def test_each_method_goes_through_its_checks_in_its_turn(table):
    assert list(table["method"].unique()) == METHODS
    checks = table.groupby("method")["check"].agg(set)
    assert checks["gradcam"] == SANITY | {"seeds", "permuted_labels"}
    assert checks["occlusion"] == checks["gradcam"] - {"independent"}
    assert checks["edges"] == checks["random"] == SANITY | {"permuted_labels"}


def test_slow_methods_map_the_first_of_the_images(table):
    for (method, check), part in table.groupby(["method", "check"]):
        images = ORDER[: 5 if method in SLOW else 8]
        assert list(part["id"].unique()) == images
        draws = {"shift": 4, "noise": 2, "cascading": 2, "independent": 2}.get(check, 1)
        assert part["draw"].nunique() == draws
        assert len(part) == draws * len(images) * part["stage"].nunique()
    assert table.loc[table["check"] == "cascading", "stage"].unique().tolist() == [1, 2, 3]


def test_controls_fail_as_they_are_bound_to(table):
    table = table.rename(columns={"id": "row"}).assign(patient="")
    found = sanity.verdict(table).set_index(["method", "check"])
    for control in ("edges", "random"):
        for check in ("randomisation", "permuted_labels", "target"):
            assert found.loc[(control, check), "verdict"] == "fail", (control, check)
    assert found.loc[("edges", "noise"), "verdict"] == "pass"
    assert found.loc[("random", "noise"), "verdict"] != "pass"
    assert found.loc[("gradcam", "noise"), "n"] <= 8


@pytest.mark.parametrize(("check", "other"), [("seeds", "other"), ("permuted_labels", "permuted")])
def test_networks_are_those_of_the_files(check, other, table, folder):
    maps = []
    images = np.load(folder / "images.npy")
    rows = [list(tables.read_csv(folder / "manifest.csv")["id"]).index(i) for i in ORDER[:8]]
    for number, name in enumerate(["model", other]):
        logits, layer, _ = mapped.open_network(folder / f"{name}.keras", None, THREADS, 200)
        inputs = mapped.read_inputs(images, rows, 16)
        if number == 0:
            effusion = mapped.probabilities(logits, inputs)[:, 1]
            targets = mapped.resolve_targets("predicted", effusion)
            assert len(set(targets)) == 2
        maps.append(small_maps(cams.mapper("gradcam", logits, layer), inputs, targets))
    expected = similarity.compare(*maps)
    part = table[(table["method"] == "gradcam") & (table["check"] == check)]
    for name in similarity.MEASURES:
        np.testing.assert_allclose(part[name], expected[name], atol=1e-3)
    assert expected["spearman"].min() < 0.9


def test_a_smaller_audit_draws_all_layers_anew_and_has_one_network(folder, tmp_path):
    changes = {"seeds": [], "permuted": [], "whole": False, "methods": ["gradcam", "edges"]}
    first = run(folder, tmp_path, draws=1, number=3, **changes)
    assert set(first["check"]) == SANITY - {"independent"}
    assert set(first.loc[first["check"] == "cascading", "stage"]) == {3}
    assert first.groupby(["method", "check"])["id"].nunique().unique().tolist() == [3]
    before = (tmp_path / "sanity.csv").read_bytes()
    run(folder, tmp_path, draws=1, number=3, **changes)
    assert (tmp_path / "sanity.csv").read_bytes() == before


def test_memory_changes_nothing(table, folder, tmp_path):
    found = run(folder, tmp_path, memory=0.001)
    pd.testing.assert_frame_equal(found, table, atol=2e-3)


def test_the_network_keeps_its_weights(network, folder):
    logits, layer, inputs = network
    before, targets = logits.get_weights(), np.ones(6, int)
    other = mapped.read_weights(folder / "other.keras")
    mapper = cams.mapper("gradcam", logits, layer)
    drawn = choose_stages(list(stages(logits, inputs, 1)), True, "gradcam")
    own = own_maps(mapper, inputs, targets)
    found = compare("gradcam", own, mapper, logits, inputs, targets, drawn, 1)
    found += compare_networks("gradcam", own, mapper, logits, inputs, targets, [other], [other])
    assert len(found) == 6
    for old, new in zip(before, logits.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_stages_are_chosen_by_the_audits_size_and_the_methods_speed(network):
    logits, _, inputs = network
    drawn = list(stages(logits, inputs, 2))

    def chosen(whole, method):
        return [(s.check, s.stage, s.draw) for s in choose_stages(drawn, whole, method)]

    assert len(chosen(True, "gradcam")) == len(drawn) == 12
    cascade = [("cascading", stage, draw) for draw in (0, 1) for stage in (1, 2, 3)]
    assert chosen(True, "occlusion") == cascade
    last = [("cascading", 3, 0), ("cascading", 3, 1)]
    assert chosen(False, "gradcam") == chosen(False, "occlusion") == last
