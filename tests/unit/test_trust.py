"""What docs/security.md promises of the code: nothing that is read can run anything."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*ROOT.glob("scripts/**/*.py"), *ROOT.glob("docs/*.py"), *ROOT.glob("benchmarks/*.py")]
LOADERS = {"SafeLoader", "CSafeLoader", "BaseLoader"}
PICKLES = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
RUNS = {"eval", "exec", "compile", "os.system", "os.popen", "pd.read_pickle", "torch.load"}


def calls(path: Path):
    """Each call in a file: its name, such as np.load, and its keyword arguments as text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nothing_that_is_read_can_run_anything(path):
    for name, options in calls(path):
        assert name not in RUNS
        assert options.get("shell", "False") == "False", name
        assert options.get("allow_pickle", "False") == "False", name
        assert options.get("safe_mode", "True") == "True", name
        if name == "yaml.load":
            assert options["Loader"].rpartition(".")[2] in LOADERS
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").partition(".")[0])
    assert not modules & PICKLES


def test_arrays_are_opened_in_one_place():
    opened = {
        path.name
        for path in ROOT.glob("scripts/**/*.py")
        for name, _ in calls(path)
        if name in ("np.load", "np.memmap", "np.fromfile")
    }
    assert opened == {"arrays.py"}
