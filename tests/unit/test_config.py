"""The configuration: defaults, conversions, and every mistake in plain words."""

import copy
import itertools
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.cli import parse_config
from snakemake.utils import update_config

import docs_config
from cxr.config import SCHEMA, allowed, keys, load
from cxr.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def merged(overlay: dict) -> dict:
    """config.yaml with an overlay, merged as Snakemake does."""
    config = copy.deepcopy(CONFIG)
    update_config(config, overlay)
    return config


def problems(config, root: Path = ROOT) -> list[str]:
    """The lines of the message that a configuration is refused with, without the first."""
    with pytest.raises(UserError) as error:
        load(config, root)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def command_line(*entries: str) -> dict:
    """config.yaml with what `snakemake --config` makes of its arguments."""
    return merged(parse_config(list(entries)))


# --- defaults -----------------------------------------------------------------------------


def test_config_yaml_is_valid_and_keeps_its_values():
    loaded = load(CONFIG, ROOT)
    for path, value in _leaves(CONFIG):
        assert _at(loaded, path) == value, path


def test_defaults_are_filled_in_at_every_level():
    loaded = load(CONFIG, ROOT)
    assert loaded["backend"] == "tensorflow"
    assert loaded["preprocess"] == {"shards": 1}
    assert loaded["split"]["file"] is None
    assert loaded["datasets"]["phantom"]["size"] == 512
    assert loaded["saliency"]["layer"] is None
    methods = ["gradcam", "gradcam_plus_plus", "layercam", "scorecam", "smoothgrad", "occlusion"]
    assert loaded["saliency"]["methods"] == methods
    assert loaded["audit"]["images"] == 40
    assert loaded["audit"]["masks"] is None
    assert loaded["datasets"]["phantom"]["shortcut"] == {"kind": "none", "share": 0.8}
    assert loaded["datasets"]["chest_xrays"]["classes"] == {
        "effusion": "effusion",
        "normal": "normal",
    }
    assert loaded["experiments"]["lesson"]["augment"]["flip"] is False
    assert loaded["experiments"]["lesson"]["threads"] == 2
    assert loaded["experiments"]["pleura"]["steps_per_epoch"] is None


def test_loading_twice_changes_nothing_and_the_argument_stays_as_it_was():
    before = copy.deepcopy(CONFIG)
    once = load(CONFIG, ROOT)
    assert before == CONFIG
    assert load(once, ROOT) == once


def test_defaults_are_not_shared_between_experiments():
    loaded = load(CONFIG, ROOT)
    loaded["experiments"]["lesson"]["augment"]["rotation"] = 20
    loaded["seeds"].append(7)
    assert load(CONFIG, ROOT)["experiments"]["lesson"]["augment"]["rotation"] == 0
    assert load({k: v for k, v in CONFIG.items() if k != "seeds"}, ROOT)["seeds"] == [42]


@pytest.mark.parametrize("nothing", [None, "", "null", "~", {}])
@pytest.mark.parametrize(
    "section", ["image", "split", "preprocess", "evaluate", "saliency", "audit"]
)
def test_an_empty_section_gets_its_defaults(section, nothing):
    config = {**CONFIG, section: nothing}
    without = {key: value for key, value in CONFIG.items() if key != section}
    assert load(config, ROOT)[section] == load(without, ROOT)[section]


def test_each_source_loads_with_what_it_requires(tmp_path):
    (tmp_path / "xrays").mkdir()
    (tmp_path / "table.csv").touch()
    sources = {
        "one": {"source": "folder", "path": "xrays"},
        "two": {"source": "table", "path": "table.csv"},
        "three": {"source": "nih", "images": "xrays", "labels": "table.csv"},
        "four": {"source": "archive", "url": "file:///a.zip", "sha256": "Ab" * 32},
        "five": {"source": "phantom"},
        "six": {"source": "nih", "labels": "table.csv", "archives": ARCHIVES, "which": [2]},
    }
    for name in sources:
        loaded = load(merged({"datasets": sources, "dataset": name}), tmp_path)["datasets"]
        assert loaded["two"]["columns"]["label"] == "label"
        assert loaded["two"]["columns"]["patient"] is None
        assert loaded["three"]["negative"] == "No Finding"
        assert loaded["three"]["archives"] == []
        assert loaded["six"]["images"] is None


# --- conversions --------------------------------------------------------------------------


def test_the_command_line_gives_numbers():
    loaded = load(
        command_line(
            "seeds=[1,2]",
            "experiments={lesson: {learning_rate: 1e-3, epochs: 2, batch_norm: true, "
            "steps_per_epoch: null, input_size: 128, augment: {flip: yes, rotation: 20}}}",
            "evaluate={threshold: 0.5}",
            "image={}",
            "split={file: , stratify: false}",
        ),
        ROOT,
    )
    lesson = loaded["experiments"]["lesson"]
    assert loaded["seeds"] == [1, 2]
    assert (lesson["learning_rate"], lesson["epochs"], lesson["input_size"]) == (0.001, 2, 128)
    assert lesson["batch_norm"] is True
    assert lesson["steps_per_epoch"] is None
    assert lesson["augment"]["flip"] is True
    assert lesson["augment"]["rotation"] == 20
    assert loaded["evaluate"]["threshold"] == 0.5
    assert loaded["split"]["file"] is None
    assert loaded["split"]["stratify"] is False


def test_a_list_may_come_as_text():
    assert load(merged({"seeds": "[1, 2]"}), ROOT)["seeds"] == [1, 2]


def test_text_stays_where_text_is_asked_for(tmp_path):
    (tmp_path / "1e3").touch()
    mine = {"source": "table", "path": "1e3", "effusion": "1", "normal": "true"}
    loaded = load(merged({"dataset": "mine", "datasets": {"mine": mine}}), tmp_path)
    assert {key: loaded["datasets"]["mine"][key] for key in mine} == mine


def test_a_whole_number_becomes_text_where_only_text_will_do(tmp_path):
    (tmp_path / "a.csv").touch()
    mine = {"source": "table", "path": "a.csv", "effusion": 2, "normal": 1}
    loaded = load(merged({"dataset": "mine", "datasets": {"mine": mine}}), tmp_path)
    assert loaded["datasets"]["mine"]["effusion"] == "2"


def test_a_home_folder_is_written_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    mine = {"source": "folder", "path": "~"}
    loaded = load(merged({"dataset": "mine", "datasets": {"mine": mine}}), ROOT)
    assert loaded["datasets"]["mine"]["path"] == str(tmp_path)


@given(st.floats(min_value=1e-300, max_value=10))
def test_a_number_may_come_as_text(rate):
    overlay = {"experiments": {"lesson": {"learning_rate": repr(rate)}}}
    assert load(merged(overlay), ROOT)["experiments"]["lesson"]["learning_rate"] == rate


@given(st.integers(min_value=0, max_value=2**32 - 1), st.sampled_from([repr, float, lambda n: n]))
def test_a_whole_number_may_come_in_any_form(seed, form):
    loaded = load(merged({"split": {"seed": form(seed)}}), ROOT)["split"]["seed"]
    assert loaded == seed
    assert type(loaded) is int


def test_how_a_number_is_written_does_not_count():
    """0 and 0.0 give the same parameters, so nothing is trained anew."""
    spellings = [0, 0.0, -0.0, "0", "0.0", "0e0", "-0.0"]
    found = [
        repr(load(merged({"experiments": {"lesson": {"dropout": zero}}}), ROOT))
        for zero in spellings
    ]
    assert len(set(found)) == 1


# --- mistakes -----------------------------------------------------------------------------

FOLDER = {"source": "folder", "path": "."}
NIH = {"source": "nih", "images": "a", "labels": "b"}
ARCHIVES = [{"url": f"https://x.org/{n}.tar.gz", "sha256": "0" * 64} for n in (1, 2)]
ARCHIVE = {"source": "archive", "url": "https://x.org/a.zip", "sha256": "0" * 64}


def data(**keys) -> dict:
    """An overlay with one more data set, which is not the chosen one."""
    return {"datasets": {"mine": keys}}


def lesson(**keys) -> dict:
    """An overlay that changes the lesson."""
    return {"experiments": {"lesson": keys}}


BAD = [
    # names
    ({"dataset": "phantm"}, 'dataset: found "phantm", allowed: one of phantom, shortcut, '
     "chest_xrays; "
     "did you mean `phantom`?"),
    ({"run": ["leson"]}, 'run[0]: found "leson", allowed: one of lesson, pleura; '
     "did you mean `lesson`?"),
    ({"transfer": ["chest_xray"]}, 'transfer[0]: found "chest_xray", allowed: one of '
     "shortcut, chest_xrays; did you mean `chest_xrays`?"),
    ({"transfer": ["chest_xrays", "phantom"]},
     'transfer[1]: found "phantom", allowed: a data set other than `dataset`'),
    ({"transfer": "chest_xrays"}, 'transfer: found "chest_xrays", allowed: a list of at most 100 '
     "items, each the name of a data set under `datasets`, none twice; did you mean "
     "`[chest_xrays]`?"),
    ({"run": ["lesson"]}, 'main: found "pleura", allowed: lesson (those of `run`)'),
    ({"main": "plera"}, 'main: found "plera", allowed: one of lesson, pleura (those of `run`); '
     "did you mean `pleura`?"),
    ({"datasets": {"Mine": FOLDER}}, "datasets.Mine: this name cannot be used, allowed: "
     "lower-case letters, digits, - and _, beginning with a letter, 64 characters at most"),
    ({"datasets": {"predict": FOLDER}},
     "datasets.predict: this name is one of pleura's own words, take another"),
    ({"experiments": {"seed-1": CONFIG["experiments"]["lesson"]}},
     "experiments.seed-1: this name is one of pleura's own words, take another"),
    ({"datasets": {3: FOLDER}}, "datasets[3]: this name cannot be used, allowed: "
     "lower-case letters, digits, - and _, beginning with a letter, 64 characters at most"),
    # unknown keys
    (lesson(epoch=3), "experiments.lesson.epoch: unknown key; did you mean `epochs`?"),
    (lesson(rotation=3), "experiments.lesson.rotation: unknown key; "
     "did you mean `augment.rotation`?"),
    ({"epochs": 3}, "epochs: unknown key; did you mean `experiments.<name>.epochs`?"),
    ({"seed": 3}, "seed: unknown key; did you mean `seeds`?"),
    ({"image": {"xyz": 3}}, "image.xyz: unknown key, allowed: size, resize, min_size, exclude"),
    (data(**FOLDER, sha256="a"), "datasets.mine.sha256: unknown key of a data set with the source "
     "folder, allowed: source, path, classes, patient_pattern"),
    ({"datasets": {"phantom": {"sede": 1}}}, "datasets.phantom.sede: unknown key of a data set "
     "with the source phantom; did you mean `seed`?"),
    # missing keys
    (data(), "datasets.mine.source: missing, allowed: one of phantom, archive, folder, table, nih"),
    (data(source="folder"), "datasets.mine.path: missing, allowed: the path of a folder"),
    ({"experiments": {"tiny": None}}, "experiments.tiny.filters: missing, allowed: a list of "
     "1 to 12 items, each a whole number from 1 to 1024"),
    # values
    (lesson(epochs=-1), "experiments.lesson.epochs: found -1, allowed: "
     "a whole number from 1 to 10000"),
    (lesson(epochs=1.5), "experiments.lesson.epochs: found 1.5, allowed: "
     "a whole number from 1 to 10000"),
    (lesson(epochs=True), "experiments.lesson.epochs: found true, allowed: "
     "a whole number from 1 to 10000"),
    (lesson(epochs="ten"), 'experiments.lesson.epochs: found "ten", allowed: '
     "a whole number from 1 to 10000"),
    (lesson(epochs=None), "experiments.lesson.epochs: found null, allowed: "
     "a whole number from 1 to 10000; leave the key out for the default, 10"),
    (lesson(epochs=10**6000), "experiments.lesson.epochs: found Infinity, allowed: "
     "a whole number from 1 to 10000"),
    (lesson(batch_norm=1), "experiments.lesson.batch_norm: found 1, allowed: true or false"),
    (lesson(dropout=1), "experiments.lesson.dropout: found 1, allowed: "
     "a number at least 0 and below 1"),
    (lesson(learning_rate=0), "experiments.lesson.learning_rate: found 0, allowed: "
     "a number above 0 and at most 10"),
    (lesson(optimizer="Adam"), 'experiments.lesson.optimizer: found "Adam", allowed: '
     "one of adam, adamw, sgd; did you mean `adam`?"),
    (lesson(augment=[20]), "experiments.lesson.augment: found [20], allowed: a section with the "
     "keys rotation, shift, zoom, contrast, brightness, flip"),
    ({"max_rejected": float("nan")}, "max_rejected: found NaN, allowed: a number from 0 to 1"),
    ({"max_rejected": float("inf")}, "max_rejected: found Infinity, allowed: "
     "a number from 0 to 1"),
    ({"max_rejected": "nan"}, 'max_rejected: found "nan", allowed: a number from 0 to 1'),
    ({"image": {"size": 16}}, "image.size: found 16, allowed: a whole number from 32 to 2048"),
    ({"split": {"test": 1}}, "split.test: found 1, allowed: a number from 0 to below 1"),
    ({"split": {"test": 0.999}}, "split.validation: found 0.15, allowed: with `test` 0.999, "
     "a share that leaves at least 1 % for training"),
    ({"saliency": {"images": 0}}, "saliency.images: found 0, allowed: at least 1 where "
     "`saliency.ids` names no image"),
    ({"saliency": {"target": "efusion"}}, 'saliency.target: found "efusion", allowed: '
     "one of effusion, normal, predicted; did you mean `effusion`?"),
    ({"saliency": {"methods": ["gradcm"]}}, 'saliency.methods[0]: found "gradcm", allowed: one of '
     "gradcam, gradcam_plus_plus, layercam, scorecam, smoothgrad, occlusion, edges, random; did "
     "you mean `gradcam`?"),
    ({"saliency": {"layer": ["a"]}}, 'saliency.layer: found ["a"], allowed: text, or null'),
    ({"audit": {"imges": 10}}, "audit.imges: unknown key; did you mean `images`?"),
    ({"audit": {"draws": 0}}, "audit.draws: found 0, allowed: a whole number from 1 to 100"),
    ({"evaluate": {"threshold": "yuden"}}, 'evaluate.threshold: found "yuden", allowed: '
     "one of 0.5, youden, sensitivity_95; did you mean `youden`?"),
    ({"evaluate": {"threshold": True}}, "evaluate.threshold: found true, allowed: "
     "one of 0.5, youden, sensitivity_95"),
    ({"backend": "TensorFlow"}, 'backend: found "TensorFlow", allowed: '
     "one of tensorflow, jax, torch; did you mean `tensorflow`?"),
    # lists and sections
    ({"seeds": []}, "seeds: found [], allowed: a list of 1 to 1000 items, each a whole number "
     "from 0 to 4294967295, none twice"),
    ({"seeds": [1, "1"]}, "seeds: found [1, 1], allowed: a list of 1 to 1000 items, each a whole "
     "number from 0 to 4294967295, none twice"),
    ({"seeds": 3}, "seeds: found 3, allowed: a list of 1 to 1000 items, each a whole number from "
     "0 to 4294967295, none twice; did you mean `[3]`?"),
    ({"seeds": [2**32]}, "seeds[0]: found 4294967296, allowed: a whole number from "
     "0 to 4294967295"),
    ({"run": ["lesson", "lesson", "pleura"]}, 'run: found ["lesson", "lesson", "pleura"], '
     "allowed: a list of at least 1 item, each the name of an experiment, none twice"),
    ({"image": [256]}, "image: found [256], allowed: a section with the keys "
     "size, resize, min_size, exclude"),
    ({"experiments": []}, "experiments: found [], allowed: a section with at least one entry, "
     "under a name of its own"),
    # data sets
    (data(source="foldr"), 'datasets.mine.source: found "foldr", allowed: '
     "one of phantom, archive, folder, table, nih; did you mean `folder`?"),
    ({"datasets": {"shortcut": {"shortcut": {"kind": "markr"}}}},
     'datasets.shortcut.shortcut.kind: found "markr", allowed: one of none, marker, tube, '
     "exposure; did you mean `marker`?"),
    ({"datasets": {"shortcut": {"shortcut": {"share": 80}}}},
     "datasets.shortcut.shortcut.share: found 80, allowed: a number from 0 to 1"),
    (data(**ARCHIVE | {"url": "ftp://x.org/a.zip"}), 'datasets.mine.url: found "ftp://x.org/a.zip",'
     " allowed: an http://, https:// or file:// address, or the path of a file"),
    (data(**ARCHIVE | {"sha256": "0" * 63}), "datasets.mine.sha256: found "
     f'"{"0" * 63}", allowed: 64 digits and letters from a to f'),
    (data(**FOLDER, classes={"normal": "../n"}), 'datasets.mine.classes.normal: found "../n", '
     "allowed: a folder inside the data set, a/b if nested, not beginning with / and without "
     ". or .."),
    (data(**FOLDER, classes={"normal": "/n"}), 'datasets.mine.classes.normal: found "/n", '
     "allowed: a folder inside the data set, a/b if nested, not beginning with / and without "
     ". or .."),
    (data(**FOLDER, classes={"normal": "effusion/none"}), "datasets.mine.classes.normal: found "
     '"effusion/none", allowed: a folder apart from that of the effusions ("effusion")'),
    (data(**FOLDER, patient_pattern="(a)(b)"), 'datasets.mine.patient_pattern: found "(a)(b)", '
     "allowed: a regular expression with exactly one group (...), or null; "
     "this one has 2 groups"),
    (data(**FOLDER, patient_pattern="(a"), 'datasets.mine.patient_pattern: found "(a", allowed: '
     "a regular expression with exactly one group (...), or null; "
     "missing ), unterminated subpattern at position 0"),
    (data(source="table", path="a.csv", effusion="0"), 'datasets.mine.normal: found "0", allowed: '
     "another label than `effusion`"),
    (data(source="table", path="a.csv", normal=False), "datasets.mine.normal: found false, "
     "allowed: text; put it in quotes if it is text"),
    (data(source="nih", images="a", labels="b", positive="effusion"), "datasets.mine.positive: "
     'found "effusion", allowed: one of No Finding, Atelectasis, Cardiomegaly, Consolidation, '
     "Edema, Effusion, Emphysema, Fibrosis, Hernia, Infiltration, Mass, Nodule, "
     "Pleural_Thickening, Pneumonia, Pneumothorax; did you mean `Effusion`?"),
    (data(**NIH, positive=["Mass", "effusion"]), "datasets.mine.positive[1]: "
     'found "effusion", allowed: one of No Finding, Atelectasis, Cardiomegaly, Consolidation, '
     "Edema, Effusion, Emphysema, Fibrosis, Hernia, Infiltration, Mass, Nodule, "
     "Pleural_Thickening, Pneumonia, Pneumothorax; did you mean `Effusion`?"),
    (data(**NIH, positive=[]), "datasets.mine.positive: found [], "
     "allowed: a finding of the NIH label table, or a list of findings"),
    (data(**NIH, positive={}), "datasets.mine.positive: found {}, "
     "allowed: a finding of the NIH label table, or a list of findings"),
    (data(**NIH, positive=["Mass", "No Finding"]), "datasets.mine.negative: "
     'found "No Finding", allowed: another label than `positive`'),
    (data(**NIH, negative="Effusion"), "datasets.mine.negative: "
     'found "Effusion", allowed: another label than `positive`'),
    (data(**NIH, views=["Lateral"]), "datasets.mine.views[0]: "
     'found "Lateral", allowed: one of PA, AP'),
    (data(**NIH, archives=ARCHIVES), 'datasets.mine.images: found "a", '
     "allowed: null, with `archives`"),
    (data(**NIH | {"images": None}), "datasets.mine.images: found null, "
     "allowed: a folder, without `archives`"),
    (data(source="nih", labels="b", archives=[*ARCHIVES, ARCHIVES[0] | {"sha256": "1" * 64}]),
     'datasets.mine.archives[2].url: found "https://x.org/1.tar.gz", allowed: an address that '
     "ends in a file name of its own"),
    (data(source="nih", labels="b", archives=ARCHIVES, which=[1, 3]), "datasets.mine.which[1]: "
     "found 3, allowed: the number of an archive, of which there are 2"),
    (data(**NIH, which=[1]), "datasets.mine.which[0]: "
     "found 1, allowed: the number of an archive, of which there are 0"),
    (data(**NIH, test_list="t"), "datasets.mine.train_val_list: found null, "
     "allowed: the path of a text file, as for `test_list`"),
    (data(**NIH, train_val_list="t"), "datasets.mine.test_list: found null, "
     "allowed: the path of a text file, as for `train_val_list`"),
    # what YAML makes of text without quotes
    ({"saliency": {"ids": [yaml.safe_load("00000013_005")]}}, "saliency.ids[0]: found 5637, "
     "allowed: the id of an image; put it in quotes if it is text"),
    ({"saliency": {"ids": [yaml.safe_load("2017-01-01")]}}, 'saliency.ids[0]: found "2017-01-01", '
     "allowed: the id of an image; put it in quotes if it is text"),
    ({"saliency": {"ids": ["a b"]}}, 'saliency.ids[0]: found "a b", allowed: the id of an image'),
    ({"main": False}, "main: found false, allowed: the name of an experiment in `run`; "
     "put it in quotes if it is text"),
    ({"experiments": {False: CONFIG["experiments"]["lesson"]}}, "experiments[False]: this name "
     "cannot be used, allowed: lower-case letters, digits, - and _, beginning with a letter, "
     "64 characters at most"),
    ({"experiments": {"a/b": CONFIG["experiments"]["lesson"]}}, "experiments.a/b: this name "
     "cannot be used, allowed: lower-case letters, digits, - and _, beginning with a letter, "
     "64 characters at most"),
    ({"seeds": "[1, 2"}, 'seeds: found "[1, 2", allowed: a list of 1 to 1000 items, each a whole '
     "number from 0 to 4294967295, none twice"),
    ({"dataset": None}, "dataset: found null, allowed: the name of a data set under `datasets`"),
    # networks
    (lesson(kernels=[3, 3]), "experiments.lesson.kernels: found a list of 2, allowed: "
     "a list as long as `filters` (7)"),
    (lesson(strides=[2, 1]), "experiments.lesson.strides: found a list of 2, allowed: "
     "a list as long as `filters` (7)"),
    (lesson(strides=2), "experiments.lesson.strides: found 2, allowed: a list of whole numbers "
     "from 1 to 8, or null; did you mean `[2]`?"),
    (lesson(strides=[4, 1, 1, 1, 1, 1, 1], input_size=64), "experiments.lesson.filters: found 7 "
     "blocks, whose poolings halve an input of 64 pixels to nothing, allowed: fewer filters, an "
     "input of at least 125 pixels (input_size, image.size) or `pooling: none`"),
    (lesson(filters=[8, "x", 8, 8, 8, 8, 8]), 'experiments.lesson.filters[1]: found "x", '
     "allowed: a whole number from 1 to 1024"),
    (lesson(input_size=300), "experiments.lesson.input_size: found 300, allowed: "
     "`image.size` (256) at most, or null"),
    (lesson(input_size=32), "experiments.lesson.filters: found 7 blocks, whose poolings halve an "
     "input of 32 pixels to nothing, allowed: fewer filters, an input of at least 64 pixels "
     "(input_size, image.size) or `pooling: none`"),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "line"), BAD, ids=[line.split(":")[0] for _, line in BAD])
def test_a_mistake_gives_its_line(overlay, line):
    found = problems(merged(overlay))
    assert line in found
    assert len(found) == (2 if "tiny" in line else 1)  # an empty experiment lacks two keys


def test_all_problems_come_at_once_whatever_their_kind():
    lines = problems(
        merged(
            {
                "dataset": "phantm",
                "runs": ["lesson"],
                "main": "plera",
                "seeds": [1, 1],
                "image": {"size": "big"},
                "split": {"file": "nowhere.csv"},
                "datasets": {"mine": {"source": "folder"}},
                "experiments": {"lesson": {"epochs": 0, "kernels": [3], "optimiser": "sgd"}},
            }
        )
    )
    assert [line.split(":")[0] for line in lines] == [
        "dataset",
        "datasets.mine.path",
        "experiments.lesson.epochs",
        "experiments.lesson.kernels",
        "experiments.lesson.optimiser",
        "image.size",
        "main",
        "runs",
        "seeds",
        "split.file",
    ]


@pytest.mark.parametrize("config", [[], 3, "text", [CONFIG]])
def test_a_configuration_that_is_no_map_is_refused(config):
    assert problems(config)[0].startswith("config: found ")


@pytest.mark.parametrize("config", [None, {}])
def test_an_empty_configuration_lacks_what_is_required(config):
    assert [line.split(":")[0] for line in problems(config)] == sorted(SCHEMA["required"])


def test_what_cannot_be_printed_is_refused():
    deep = []
    for _ in range(4000):
        deep = [deep]
    for seeds in ([[16**6000]], [deep], [deep, deep], [{1, 2}], [b"x"]):
        with pytest.raises(UserError):
            load(merged({"seeds": seeds}), ROOT)


def bomb() -> str:
    """YAML of a few lines that stand for 9**9 values, under the key `i`."""
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for last, name in itertools.pairwise("abcdefghi"):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text", [bomb(), "i: &i [*i]", "i: &i {x: *i}"], ids=["bomb", "list", "map"]
)
@pytest.mark.parametrize("key", ["seeds", "dataset", "datasets", "image", "unknown"])
def test_aliases_without_end_are_refused_at_once(text, key):
    start = time.monotonic()
    with pytest.raises(UserError, match="more than 10,000 values, perhaps by an alias"):
        load({**CONFIG, key: yaml.safe_load(text)["i"]}, ROOT)
    assert time.monotonic() - start < 1


def test_a_thousand_unknown_keys_are_told_at_once():
    start = time.monotonic()
    assert len(problems(merged({f"key{i}": i for i in range(1000)}))) == 1000
    assert time.monotonic() - start < 2


def test_what_is_printed_keeps_to_its_line():
    lines = problems(merged({"dataset": "a\nb\x1b[31m\u2028\ud800", "x\ny": 1}))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


# --- keys that stand twice in a file --------------------------------------------------------


TWICE = """
image: {size: 64, resize: area,
  size: 128}
experiments:
  lesson: &lesson {epochs: 3}
  tiny: {<<: *lesson, epochs: 4}
  lesson: {epochs: 5}
run: [{a: 1, a: 1}, *lesson]
seeds: [1]
seeds: [2]
seeds: [3]
"""


def test_a_key_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text(TWICE)
    with pytest.raises(UserError) as error:
        load(CONFIG, ROOT, [ROOT / "config.yaml", tmp_path / "mine.yaml"])
    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [
        f"{key}: stands in mine.yaml {times}: join them or rename one"
        for key, times in {
            "experiments.lesson": "2 times, in the lines 5, 7",
            "image.size": "2 times, in the lines 2, 3",
            "run[0].a": "2 times, in the lines 8, 8",
            "seeds": "3 times, in the lines 9, 10, 11",
        }.items()
    ]


@pytest.mark.parametrize(
    "content", [b"", b"a: [", b"a: \xe4", b"&a [*a]", b"\xef\xbb\xbfa: 1", b"{" * 5000]
)
def test_files_that_others_refuse_hold_no_key_twice(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    files = [tmp_path / "mine.yaml", tmp_path / "none.yaml"]
    assert load(CONFIG, ROOT, files) == load(CONFIG, ROOT)


# --- what one key asks of another ---------------------------------------------------------


def test_experiments_that_are_not_run_may_need_larger_images():
    tiny = {"filters": [4, 8], "kernels": [3, 3], "epochs": 1}
    overlay = {"image": {"size": 32}, "experiments": {"tiny": tiny}}
    assert load(merged(overlay | {"run": ["tiny"], "main": "tiny"}), ROOT)
    assert len(problems(merged(overlay))) == 2


def test_the_smallest_input_that_poolings_leave_a_pixel_of():
    assert load(merged(lesson(input_size=64)), ROOT)
    assert problems(merged(lesson(input_size=63)))
    assert load(merged(lesson(input_size=16, pooling="none")), ROOT)


PATHS = [
    ({"source": "folder", "path": "no"}, "path", "folder"),
    ({"source": "folder", "path": "file"}, "path", "folder"),
    ({"source": "table", "path": "folder"}, "path", "file"),
    ({"source": "table", "path": "file", "root": "no"}, "root", "folder"),
    ({"source": "nih", "images": "no", "labels": "file"}, "images", "folder"),
    ({"source": "nih", "images": "folder", "labels": "x" * 300}, "labels", "file"),
    ({"source": "nih", "images": "folder", "labels": "file", "boxes": "no"}, "boxes", "file"),
    (
        {
            "source": "nih",
            "images": "folder",
            "labels": "file",
            "train_val_list": "no",
            "test_list": "file",
        },
        "train_val_list",
        "file",
    ),
    ({"source": "folder", "path": "a\0b"}, "path", "folder"),
]


@pytest.mark.parametrize(("mine", "key", "kind"), PATHS)
def test_paths_of_the_chosen_data_set_must_exist(tmp_path, mine, key, kind):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (line,) = problems(merged({"dataset": "mine", "datasets": {"mine": mine}}), tmp_path)
    assert line.startswith(f"datasets.mine.{key}: found ")
    assert f"but there is no {kind} " in line
    assert str(tmp_path) in line
    assert load(merged({"datasets": {"mine": mine}}), tmp_path)  # not the chosen one
    assert problems(merged({"datasets": {"mine": mine}, "transfer": ["mine"]}), tmp_path) == [line]


def test_a_split_file_must_exist(tmp_path):
    config = merged({"split": {"file": "mine.csv"}})
    assert problems(config, tmp_path) == [
        f'split.file: found "mine.csv", but there is no file {tmp_path / "mine.csv"}'
    ]
    (tmp_path / "mine.csv").touch()
    assert load(config, tmp_path)["split"]["file"] == "mine.csv"


# --- odd input ----------------------------------------------------------------------------

_names = st.sampled_from([path.split(".")[-1] for path, _ in keys()] + ["lesson", "phantom"])
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["1e-3", "[1,", "[&a [*a]]", "null", "nan", "9" * 400, "(", "~\0", "folder", 10**400]
    )
    | st.dates()
    | st.binary(max_size=3)
)
_junk = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_names | _scalars.filter(lambda k: k == k), inner, max_size=4)
        | st.fixed_dictionaries({"source": st.sampled_from(["folder", "table", "nih"])})
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_junk)
def test_junk_is_refused_in_words(config):
    with pytest.raises(UserError) as error:
        load(config, ROOT)
    assert all(line.isprintable() for line in str(error.value).splitlines())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_junk_at_any_key_is_taken_or_refused_in_words(data):
    """Each key of config.yaml in turn, sections too, with something else in its place."""
    config = copy.deepcopy(CONFIG)
    path = data.draw(st.sampled_from(sorted(_sections_and_leaves(CONFIG))))
    _at(config, path[:-1])[path[-1]] = data.draw(_junk)
    try:
        loaded = load(config, ROOT)
    except UserError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
    else:
        jsonschema.validate(loaded, SCHEMA)


_WHOLE = load(
    merged(
        {
            "datasets": {
                "one": {"source": "folder", "path": "."},
                "two": {"source": "table", "path": "x.csv"},
                "three": {"source": "nih", "images": ".", "labels": "x.csv"},
            }
        }
    ),
    ROOT,
)


@pytest.mark.parametrize("wrong", [{"no": {"such": "key"}}, [[["x"]]]], ids=["map", "list"])
def test_a_wrong_value_is_named_by_its_key_whichever_it_is(wrong):
    for path in sorted(_sections_and_leaves(_WHOLE)):
        config = copy.deepcopy(_WHOLE)
        _at(config, path[:-1])[path[-1]] = wrong
        assert any(line.startswith(".".join(path)) for line in problems(config)), path


# --- schema, config.yaml and docs in step -------------------------------------------------


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("path", "schema"), list(keys()), ids=[path for path, _ in keys()])
def test_every_key_is_described_and_has_a_default_or_is_required(path, schema):
    assert schema["description"].endswith(".")
    assert allowed(schema)
    if path.endswith(">"):
        assert schema["additionalProperties"] is False
        return
    above, _, key = path.rpartition(".")
    section = dict(keys()).get(above, SCHEMA)
    required = key in section.get("required", ()) or key == "source"
    assert required != ("default" in schema)


def test_every_key_of_config_yaml_is_in_the_schema():
    known = {path for path, _ in keys()}
    for path, _ in _leaves(CONFIG):
        names = [*path]
        if path[0] == "datasets":
            names[1] = f"<{CONFIG['datasets'][path[1]]['source']}>"
        if path[0] == "experiments":
            names[1] = "<name>"
        assert ".".join(names) in known


def test_every_section_is_closed():
    def walk(schema):
        if isinstance(schema, dict):
            if "properties" in schema and "required" not in schema.get("if", {}):
                yield schema
            for key, sub in schema.items():
                if key != "if":
                    yield from walk(sub)
        elif isinstance(schema, list):
            for sub in schema:
                yield from walk(sub)

    sections = [s for s in walk(SCHEMA) if "type" in s and s["type"] == "object"]
    unclosed = [s for s in sections if "additionalProperties" not in s]
    assert unclosed == [SCHEMA["$defs"]["dataset"]]  # its branches are closed
    assert len(sections) > 10


def test_docs_are_in_step_and_list_every_key():
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert page == docs_config.reference(), "run: python scripts/docs_config.py"
    tables = page.count("\n| `") + page.count("\n## `")
    assert tables == sum(1 for _ in keys())
    for path, schema in keys():
        assert f"`{path.split('.')[-1]}`" in page or f".{path.split('.')[-1]}`" in page
        assert schema["description"].replace("|", "\\|") in page


def _leaves(section: dict, at: tuple = ()):
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _sections_and_leaves(section: dict) -> set[tuple]:
    leaves = [path for path, _ in _leaves(section)]
    return {path[:length] for path in leaves for length in range(1, len(path) + 1)}


def _at(section, path: tuple):
    for key in path:
        section = section[key]
    return section
