"""The notebook and the code in docs/use-the-model.md run on a finished run, and find what they say.

The cells run without Jupyter, as a script: its packages would be a third of what tests install.
"""

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from cxr.tables import read_csv
from onnx_export import onnx_export
from pages import blocks, leads_somewhere
from workspace import ROOT

NOTEBOOK = nbformat.read(ROOT / "docs" / "artefacts.ipynb", as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
TEXT = [cell for cell in NOTEBOOK.cells if cell.cell_type == "markdown"]


@pytest.fixture(scope="module")
def known(finished: Path) -> dict[str, Any]:
    """What the notebook's variables hold in the end, and how many figures it drew."""
    plt.close("all")
    found: dict[str, Any] = {"__name__": "notebook"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished / "docs")
        patch.syspath_prepend(str(finished / "scripts"))
        for cell in CODE:
            exec(compile(cell.source, f"docs/artefacts.ipynb, {cell.id}", "exec"), found)
    return found | {"figures": len(plt.get_fignums())}


def test_it_is_kept_without_results() -> None:
    nbformat.validate(NOTEBOOK)
    assert all(not cell.outputs and cell.execution_count is None for cell in CODE)


def test_its_links_lead_somewhere() -> None:
    links = [link for cell in TEXT for link in re.findall(r"\]\(([^)]+)\)", cell.source)]
    assert links
    assert all(leads_somewhere(link, "artefacts.ipynb") for link in links)


def test_it_opens_what_the_run_wrote(known: dict[str, Any]) -> None:
    assert len(known["images"]) == len(known["array"]) == 60
    assert known["figures"] == 4
    assert {"loss", "val_loss"} <= {*known["history"].columns}
    assert len(known["rows"]) > 0


def test_the_network_says_what_it_said_in_training(known: dict[str, Any]) -> None:
    assert known["probability"] == pytest.approx(known["first"]["probability"], abs=1e-6)


def test_the_code_of_the_docs_predicts_what_training_predicted(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = finished / "results" / "phantom"
    run = results / "small" / "seed-1"
    expected = pd.read_csv(run / "predictions.csv", dtype={"id": str}).iloc[0]
    xray = finished / read_csv(results / "manifest.csv").set_index("id")["path"][expected["id"]]
    onnx_export(run / "model.keras", tmp_path / "model.onnx")
    monkeypatch.syspath_prepend(str(finished / "scripts"))
    known: dict[str, Any] = {}
    for code in blocks((ROOT / "docs" / "use-the-model.md").read_text(encoding="utf-8"), "python"):
        folder = tmp_path if "onnx" in code else run
        for file in ("model.keras", "model.onnx"):  # the folder's name has quotes
            shown = f'"results/phantom/pleura/seed-42/{file}"'
            code = code.replace(shown, repr(str(folder / file)))
        exec(code.replace('"xray.png"', repr(str(xray))), known)
        assert float(known["probability"].squeeze()) == pytest.approx(
            expected["probability"], abs=1e-5
        )
