"""Print an audit's verdicts as a table in Markdown: python docs/verdicts.py <path of checks.csv>"""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from cxr import tables  # noqa: E402
from cxr.errors import UserError  # noqa: E402
from cxr.methods import method_name  # noqa: E402
from cxr.verdicts import CHECKS, SYMBOLS, standing, untested  # noqa: E402


def verdict_table(checks: pd.DataFrame) -> str:
    """Methods as rows, checks as columns, a symbol in each cell; below it, what n is.

    Args:
        checks: checks.csv.
    """
    rows = standing(checks)
    columns = [name for name in CHECKS if name in set(rows["check"])]
    lines = [["", *(CHECKS[name].title for name in columns)], ["---", *(":-:" for _ in columns)]]
    for method, part in rows.groupby("method", sort=False):
        found = part.set_index("check")["verdict"].map(SYMBOLS)
        lines.append([method_name(method), *found.reindex(columns, fill_value="")])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{table}\n\n{_footnote(rows)}"


def _footnote(rows: pd.DataFrame) -> str:
    meaning = ", ".join(f"{symbol} {verdict}" for verdict, symbol in SYMBOLS.items())
    titles = {}  # of the checks, by the numbers of X-rays behind them
    for check, part in rows.groupby("check", sort=False)["n"]:
        number = " to ".join(map(str, sorted({part.min(), part.max()})))
        titles.setdefault(number, []).append(CHECKS[check].title)
    numbers = [f"{number} ({', '.join(names)})" for number, names in titles.items()]
    lacking = untested(rows)
    unchecked = f" Not checked: {', '.join(lacking)}." if lacking else ""
    return f"{meaning}. X-rays behind a verdict: {'; '.join(numbers)}.{unchecked}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(verdict_table(tables.read_table(sys.argv[1], "checks")))
    except UserError as error:
        sys.exit(str(error))
