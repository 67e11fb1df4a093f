"""Let atheris search for inputs that reach new code: python tests/fuzz/guided.py images or tables.

atheris is no dependency (pip install atheris; Linux, Python 3.11 to 3.13). Options of libFuzzer may
follow, such as -max_total_time=600. It goes on until then, or until something breaks, and writes
the input that did it to the current folder.
"""

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "tests", "tests/fuzz")]

with atheris.instrument_imports(include=["cxr", "PIL"]):
    from test_fuzz_images import WHOLE, read
    from test_fuzz_tables import listed


def main(target: str, options: list[str]) -> None:
    """Fuzz the reader of images or that of label tables, beginning with whole ones."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        if target == "images":
            whole, try_one = WHOLE.values(), read
        else:
            whole = [
                b"path,label,patient\na.png,1,7\nb.png,0,8\n",
                b'path;label\r\n"a;b";"1"\r\nc;0',
            ]

            def try_one(data: bytes) -> None:
                listed(Path(folder), data)

        for number, data in enumerate(whole):
            (corpus / str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], str(corpus), *options], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] not in (["images"], ["tables"]):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
