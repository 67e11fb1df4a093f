import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.modules import imported

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def house(tmp_path):
    """A folder with a package `cxr`, and a function that says what a script there imports."""
    files = {
        "cxr/__init__.py": "",
        "cxr/a.py": "from cxr import b\n",
        "cxr/b.py": "def later():\n    import cxr.c\n",
        "cxr/c.py": "from cxr.a import back\n",
        "cxr/d.py": "",
        "cxr/near.py": "from . import d\nfrom .inner import deep\n",
        "cxr/inner/__init__.py": "from cxr.inner.deep import word\n",
        "cxr/inner/deep.py": "from .. import c as other\nfrom .side import x\n",
        "cxr/inner/side.py": "",
        "cxr/inner/unused.py": "",
        "cxrays/__init__.py": "",
        "cxrays/z.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def names(script):
        path = tmp_path / "script.py"
        path.write_text(script)
        found = imported(path, tmp_path)
        assert found == sorted(found)
        return [str(file.relative_to(tmp_path / "cxr")) for file in found]

    return names


CHAIN = ["__init__.py", "a.py", "b.py", "c.py"]
INNER = ["__init__.py", "inner/__init__.py", "inner/deep.py", "inner/side.py"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import numpy\nfrom os import path\n", []),
        ("import cxrays.z\nfrom cxrays import z\n", []),
        ("# import cxr.d\ntext = 'import cxr.d'\n", []),
        ("import cxr\n", ["__init__.py"]),
        ("import cxr.d\n", ["__init__.py", "d.py"]),
        ("import cxr.d as other\n", ["__init__.py", "d.py"]),
        ("from cxr.d import something\n", ["__init__.py", "d.py"]),
        ("def f():\n    if f:\n        from cxr import d\n", ["__init__.py", "d.py"]),
        ("from cxr import a\n", CHAIN),
        ("from cxr import a, d\n", [*CHAIN, "d.py"]),
        ("from cxr.inner import word\n", [*CHAIN, *INNER[1:]]),
        ("import cxr.inner.side\n", [*CHAIN, *INNER[1:]]),
        ("from cxr import near\n", [*CHAIN, "d.py", *INNER[1:], "near.py"]),
    ],
)
def test_modules_a_script_needs_and_no_others(house, script, expected):
    assert house(script) == expected


def test_what_is_no_python_is_named(house):
    with pytest.raises(SyntaxError) as error:
        house("from cxr import (\n")
    assert error.value.filename.endswith("script.py")


@pytest.mark.parametrize("name", ["evaluate", "compare_figure", "evaluate_figures", "run"])
def test_modules_that_python_loads_are_all_found(name):
    """What the interpreter loads is found, and so are later imports: the process for DICOM's."""
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {name}; "
        "print([m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'cxr'])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    found = {str(path) for path in imported(SCRIPTS / f"{name}.py", SCRIPTS)}
    loaded = set(ast.literal_eval(printed.decode()))
    assert loaded <= found
    assert {Path(path).parent.name for path in found - loaded} <= {"dicom"}


def test_training_code_is_no_input_of_figures_nor_the_other_way_round():
    training = {path.stem for path in imported(SCRIPTS / "train.py", SCRIPTS)}
    figures = {path.stem for path in imported(SCRIPTS / "evaluate_figures.py", SCRIPTS)}
    assert {"training", "batches", "augment", "network"} <= training - figures
    assert {"plots", "curves", "montage"} <= figures - training
