import keras
import numpy as np
import pandas as pd
import pytest

from cxr import cams, randomisation
from cxr.backend import fix_bits
from cxr.network import build_network
from cxr.randomisation import (
    Own,
    layer_groups,
    measured,
    own_maps,
    permuted_labels,
    randomised,
    small_maps,
    stages,
)
from cxr.sanity import verdict
from cxr.similarity import compare, level

fix_bits(0, 2)
SIDE = 32
IMAGES = np.random.default_rng(0).normal(size=(8, SIDE, SIDE, 1)).astype(np.float32)
TARGETS = np.ones(8, int)


def make_logits(batch_norm=True, blocks=3, dense=()):
    """A network whose every weight differs from what a new one has."""
    keras.utils.set_random_seed(5)
    network = build_network(SIDE, [4] * blocks, [3] * blocks, batch_norm=batch_norm, dense=dense)
    logits = cams.two_logits(network)
    rng = np.random.default_rng(1)
    shifted = [w + rng.uniform(0.1, 0.5, w.shape).astype(np.float32) for w in logits.get_weights()]
    logits.set_weights(shifted)
    return logits


@pytest.fixture(scope="module")
def logits():
    return make_logits()


def by_layer(logits, weights):
    """Lists of weights by layer and name, of a list as of get_weights."""
    rest = iter(weights)
    return {layer.name: {w.name: next(rest) for w in layer.weights} for layer in logits.layers}


def mapper_of(logits):
    """The last channels' sum as a map: a method that depends on all weights but the head's."""
    model = keras.Model(logits.input, logits.get_layer(cams.choose_layer(logits, None)).output)
    return lambda images, targets: model.predict_on_batch(images).sum(axis=-1)


def edges(images, targets):
    return np.abs(np.diff(images[..., 0], axis=1, prepend=0))


def test_groups_go_from_the_output_to_the_input_and_hold_each_weight_once():
    logits = make_logits(blocks=5)
    assert layer_groups(logits) == [
        ["logits"],
        ["conv_5", "norm_5", "conv_4", "norm_4"],
        ["conv_3", "norm_3"],
        ["conv_2", "norm_2"],
        ["conv_1", "norm_1"],
    ]
    found = sorted(name for group in layer_groups(logits) for name in group)
    assert found == sorted(layer.name for layer in logits.layers if layer.weights)


def test_the_lessons_network_has_five_groups():
    network = build_network(256, [8, 8, 12, 12, 20, 20, 50], [3] * 7, dense=[128, 32])
    assert layer_groups(network) == [
        ["probability", "dense_2", "dense_1"],
        ["conv_7", "conv_6"],
        ["conv_5", "conv_4"],
        ["conv_3", "conv_2"],
        ["conv_1"],
    ]
    assert len(layer_groups(build_network(32, [4], [3]))) == 2


def test_only_the_named_layers_are_drawn_anew(logits):
    before = logits.get_weights()
    found = by_layer(logits, randomised(logits, ["conv_2", "norm_2"], draw=0))
    for layer, weights in by_layer(logits, before).items():
        for name, weight in weights.items():
            same = np.array_equal(weight, found[layer][name])
            assert same == (layer not in ("conv_2", "norm_2"))
    assert [found["norm_2"][name].mean() for name in found["norm_2"]] == [1, 0, 0, 1]
    for old, new in zip(before, logits.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_kernels_are_drawn_as_in_a_new_network(logits):
    """Glorot and Bengio 2010, equation 16."""
    kernels = [by_layer(logits, randomised(logits, ["conv_2"], d))["conv_2"] for d in range(20)]
    values = np.stack([weights["kernel"] for weights in kernels])
    limit = np.sqrt(6 / (4 * 9 + 4 * 9))
    assert 0.95 * limit < np.abs(values).max() <= limit
    assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_a_draw_is_the_same_each_time_and_whatever_else_is_drawn(logits):
    def kernel(names, draw):
        return by_layer(logits, randomised(logits, names, draw))["conv_3"]["kernel"]

    np.testing.assert_array_equal(kernel(["conv_3"], 1), kernel(["conv_3", "conv_1", "logits"], 1))
    assert not np.array_equal(kernel(["conv_3"], 1), kernel(["conv_3"], 2))
    other = by_layer(logits, randomised(logits, ["conv_2", "conv_3"], 1))
    assert not np.array_equal(other["conv_2"]["kernel"], other["conv_3"]["kernel"])


def test_randomised_logits_are_opposite_as_of_one_sigmoid(logits):
    head = by_layer(logits, randomised(logits, ["logits"], 0))["logits"]
    assert head["kernel"].any()
    np.testing.assert_array_equal(head["kernel"][:, 0], -head["kernel"][:, 1])
    assert not head["bias"].any()


def test_statistics_are_measured_from_the_lowest_new_layer_up(logits):
    spare = keras.models.clone_model(logits)
    names = ["conv_2", "norm_2"]
    for _ in range(2):  # what an earlier call leaves behind is no matter
        found = measured(spare, randomised(logits, names, 0), names, IMAGES)
    fresh = keras.models.clone_model(logits)
    fresh.set_weights(found)
    before, after = by_layer(logits, logits.get_weights()), by_layer(logits, found)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_array_equal(after["norm_1"][name], before["norm_1"][name])
    for block in (2, 3):  # the trained one above, too: its input is another one now
        inputs = keras.Model(fresh.input, fresh.get_layer(f"norm_{block}").input)(IMAGES).numpy()
        statistics = after[f"norm_{block}"]
        axes = (0, 1, 2)
        np.testing.assert_allclose(statistics["moving_mean"], inputs.mean(axes), atol=1e-4)
        np.testing.assert_allclose(statistics["moving_variance"], inputs.var(axes), rtol=1e-3)
    np.testing.assert_array_equal(after["norm_3"]["gamma"], before["norm_3"]["gamma"])


def test_a_network_that_keeps_its_layers_keeps_its_statistics(logits):
    spare = keras.models.clone_model(logits)
    measured(spare, logits.get_weights(), ["conv_1"], IMAGES)
    found = measured(spare, logits.get_weights(), [], IMAGES)
    for old, new in zip(logits.get_weights(), found, strict=True):
        np.testing.assert_array_equal(old, new)


def test_measuring_keeps_a_network_alive():
    """With the statistics of a new layer, those above give one and the same value everywhere."""
    logits = make_logits(blocks=4)
    weights = by_layer(logits, logits.get_weights())
    weights["norm_3"]["moving_mean"] += 50  # as of a network with large activations
    logits.set_weights([w for layer in weights.values() for w in layer.values()])
    names = ["conv_2", "norm_2"]
    spare = keras.models.clone_model(logits)
    raw = randomised(logits, names, 0)
    spread = []
    for weights in (raw, measured(keras.models.clone_model(logits), raw, names, IMAGES)):
        spare.set_weights(weights)
        spread.append(mapper_of(spare)(IMAGES, TARGETS).std())
    assert spread[0] < 1e-6 < 0.01 < spread[1]


def test_stages_are_cascading_and_independent_in_each_draw(logits):
    found = list(stages(logits, IMAGES, draws=2))
    assert len(found) == 2 * 2 * 4
    assert [(s.check, s.stage, s.draw) for s in found[:3]] == [
        ("cascading", 1, 0),
        ("independent", 1, 0),
        ("cascading", 2, 0),
    ]
    own = by_layer(logits, logits.get_weights())
    for stage in found:
        weights = by_layer(logits, stage.weights)
        new = {n for n in own if n.startswith(("conv", "logits"))}
        new = {n for n in new if not np.array_equal(own[n]["kernel"], weights[n]["kernel"])}
        expected = ["logits", "conv_3", "conv_2", "conv_1"][: stage.stage]
        assert new == set(expected if stage.check == "cascading" else expected[-1:])
    again = list(stages(logits, IMAGES, draws=2))
    for one, other in zip(found, again, strict=True):
        assert all(map(np.array_equal, one.weights, other.weights))


def test_a_methods_maps_are_compared_at_each_stage_and_the_weights_come_back(logits):
    before = logits.get_weights()
    drawn = list(stages(logits, IMAGES, 2))
    mapper = mapper_of(logits)
    own = own_maps(mapper, IMAGES, TARGETS)
    table = randomisation.randomisation("sum", own, mapper, logits, IMAGES, TARGETS, drawn)
    for old, new in zip(before, logits.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(table) == 2 * 2 * 4 * 8
    facts = ["method", "check", "stage", "layers", "draw", "row"]
    assert list(table) == [*facts, "spearman", "ssim", "spearman_level", "ssim_level"]
    assert (table.loc[table["stage"] == 1, "spearman"] > 0.9999).all()  # only the head is new
    last = table[(table["check"] == "cascading") & (table["stage"] == 4)]
    assert last["spearman"].mean() < 0.9


def test_the_weights_come_back_after_an_error(logits):
    before = logits.get_weights()
    calls = []

    def fail(images, targets):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return edges(images, targets)

    own = own_maps(edges, IMAGES, TARGETS)
    with pytest.raises(RuntimeError, match="out of memory"):
        randomisation.randomisation(
            "m", own, fail, logits, IMAGES, TARGETS, [*stages(logits, IMAGES, 1)]
        )
    for old, new in zip(before, logits.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_each_network_maps_by_its_own_weights(logits):
    own, mapper = logits.get_weights(), mapper_of(logits)
    other = randomised(logits, ["conv_3"], 0)
    found = randomisation.maps_of_networks([other, own], mapper, logits, IMAGES, TARGETS)
    np.testing.assert_array_equal(found[1], small_maps(mapper, IMAGES, TARGETS))
    assert not np.array_equal(found[0], found[1])
    logits.set_weights(other)
    np.testing.assert_array_equal(found[0], small_maps(mapper, IMAGES, TARGETS))
    logits.set_weights(own)
    assert randomisation.maps_of_networks([], mapper, logits, IMAGES, TARGETS) == []


def test_an_edge_detector_fails(logits):
    drawn = list(stages(logits, IMAGES, 1))
    own = own_maps(edges, IMAGES, TARGETS)
    table = randomisation.randomisation("edges", own, edges, logits, IMAGES, TARGETS, drawn)
    row = verdict(table.assign(patient="")).iloc[0]
    assert (row["method"], row["check"], row["verdict"]) == ("edges", "randomisation", "fail")
    assert row["value"] == pytest.approx(1 - table["spearman_level"].mean(), abs=0.01)
    assert row["n"] == 8


def test_networks_that_have_learned_other_labels_are_compared_with_each():
    rng = np.random.default_rng(3)
    maps = [rng.random((6, 16, 16)) for _ in range(3)]
    own = Own(maps[0], maps[0], level(maps[0], maps[0], np.ones(6)))
    table = permuted_labels("m", own, maps[1:])
    assert table.groupby("draw").size().tolist() == [6, 6]
    expected = compare(maps[0], maps[2]).join(own.level, rsuffix="_level")
    part = table.loc[table["draw"] == 1, list(expected)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, expected)
    row = verdict(table.assign(patient="")).iloc[0]
    assert (row["check"], row["verdict"]) == ("permuted_labels", "pass")  # chance, like the level
    same = verdict(permuted_labels("m", own, maps[:1]).assign(patient="")).iloc[0]
    assert same["verdict"] == "fail"


def test_a_networks_own_maps_come_in_both_sizes_and_with_their_level():
    wide = np.repeat(np.repeat(IMAGES, 4, axis=1), 4, axis=2)
    own = own_maps(edges, wide, TARGETS)
    assert own.full.shape == (8, 4 * SIDE, 4 * SIDE)
    np.testing.assert_array_equal(own.small, small_maps(edges, wide, TARGETS))
    pd.testing.assert_frame_equal(own.level, level(own.small, own.small, TARGETS))


def test_maps_are_scaled_and_reduced():
    maps = small_maps(lambda images, targets: edges(images, targets) * 7, IMAGES, TARGETS)
    assert (maps.shape, maps.min(), maps.max()) == ((8, SIDE, SIDE), 0, 1)
    wide = np.repeat(np.repeat(IMAGES, 4, axis=1), 4, axis=2)
    assert small_maps(edges, wide, TARGETS).shape == (8, 64, 64)
