"""What the checks of saliency methods ask, in words for readers who know no statistics.

Rows of checks.csv come from `cxr.sanity`, `cxr.faithfulness`, `cxr.localisation` and
`cxr.confounding`. A check may have several statistics there; one of them stands for it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from cxr.confounding import HALF
from cxr.methods import CONTROLS, method_name
from cxr.permuted import FITTED
from cxr.sanity import MARGIN
from cxr.words import count


class Check(NamedTuple):
    """A check as it is drawn.

    Attributes:
        group: One of `GROUPS`.
        title: Two or three words.
        question: What it asks; "yes" is a pass.
        passes: Where the whole interval of the value has to lie.
        statistic: The one of checks.csv that stands for the check.
    """

    group: str
    title: str
    question: str
    passes: str
    statistic: str = "spearman_beyond_level"


LEARNED, STABLE, FAITHFUL, FLUID, MARK = GROUPS = (
    "Does it depend on what was learned?",
    "Is it stable?",
    "Is it faithful?",
    "Does it find the fluid?",
    "Does it expose a shortcut?",
)
SYMBOLS = {"pass": "✓", "fail": "✗", "cannot tell": "?"}
MEASURED = {  # what the values of groups are, by a short name for these groups
    "Learned, stable": (
        {LEARNED, STABLE},
        "how much more alike two maps are (rank correlation) than those of different X-rays (Other "
        "class: of one class)",
    ),
    "Faithful": ({FAITHFUL}, "how much further the probability moves than with random maps"),
    "Fluid": ({FLUID}, "how much better the score (0 to 1) is than that of the usual place"),
    "Shortcut": (
        {MARK},
        "share of the maps that show the mark; if the network uses it, of X-rays that it calls "
        "otherwise with it",
    ),
}
CHECKS = {
    "randomisation": Check(
        LEARNED,
        "Forget it all",
        "Does the map change when the network forgets all it has learned?",
        f"passes up to {MARGIN:+}",
    ),
    "permuted_labels": Check(
        LEARNED,
        "Shuffled labels",
        "Does the map change if the network learned shuffled labels by heart?",
        f"passes up to {MARGIN:+}",
    ),
    "target": Check(
        LEARNED,
        "Other class",
        "Do the maps for effusion and for normal differ?",
        f"passes below {-MARGIN:+}",
    ),
    "noise": Check(
        STABLE,
        "A little noise",
        "Does the map stay when the X-ray gets a little grainier?",
        f"passes above {MARGIN:+}",
    ),
    "shift": Check(
        STABLE,
        "A small shift",
        "Does the map move along when the X-ray is moved a little?",
        f"passes above {MARGIN:+}",
    ),
    "seeds": Check(
        STABLE,
        "Trained again",
        "Does the map stay when the same network is trained once more?",
        f"passes above {MARGIN:+}",
    ),
    "deletion": Check(
        FAITHFUL,
        "Take it away",
        "Does hiding what the map shows unsettle the network more than hiding at random?",
        "passes above 0",
        "both",
    ),
    "insertion": Check(
        FAITHFUL,
        "Show it alone",
        "Does what the map shows convince the network sooner than parts at random?",
        "passes above 0",
        "both",
    ),
    "localisation": Check(
        FLUID,
        "True place",
        "Does the map show the fluid better than knowing where it usually is?",
        "passes above 0",
        "all above mean truth",
    ),
    "shortcut": Check(
        MARK,
        "Planted mark",
        "Does the map show a planted mark if the network uses it, and only then?",
        f"passes above {HALF} if used, below if not",
        "mark_shown",
    ),
}


def standing(checks: pd.DataFrame) -> pd.DataFrame:
    """The rows that stand for the checks.

    Args:
        checks: checks.csv; checks that are not in `CHECKS` are left out.

    Returns:
        At most one row per method and check: the methods as they come, then the controls, each
        with its checks in the order of `CHECKS`.

    Raises:
        ValueError: A method has two rows for one check and statistic.
    """
    wanted = checks["check"].map({name: check.statistic for name, check in CHECKS.items()})
    rows = checks[checks["statistic"] == wanted]
    if rows.duplicated(["method", "check"]).any():
        raise ValueError("a method has two rows for one check and statistic")
    methods = sorted(rows["method"].unique(), key=lambda method: method in CONTROLS)
    places = {"method": methods.index, "check": list(CHECKS).index}
    return rows.sort_values(
        ["method", "check"], key=lambda cells: cells.map(places[cells.name]), ignore_index=True
    )


def in_short(rows: pd.DataFrame) -> list[str]:
    """Which methods pass all checks, which fail which, and which do neither, one sentence each.

    Args:
        rows: See `standing`. Controls are left out.
    """
    sentences = {
        "Passes all its checks": [],
        "Fails none, but not all can be told": [],
        "Fails at least one check": [],
    }
    passes, unclear, fails = sentences.values()
    for method, part in rows.groupby("method", sort=False):
        if method not in CONTROLS:
            failed = [CHECKS[name].title for name in part.loc[part["verdict"] == "fail", "check"]]
            kind = fails if failed else passes if set(part["verdict"]) == {"pass"} else unclear
            kind.append(method_name(method) + (f" ({', '.join(failed)})" if failed else ""))
    return [f"{words}: {', '.join(names)}." for words, names in sentences.items() if names]


def in_words(rows: pd.DataFrame, method: str) -> str:
    """How one method stands, in a sentence or two.

    Args:
        rows: See `standing`.
        method: As in the config; one that was not audited is said to be so.
    """
    verdicts = rows.loc[rows["method"] == method, ["check", "verdict"]]
    if verdicts.empty:
        return "The audit did not test this method."
    titles = verdicts["check"].map({name: check.title for name, check in CHECKS.items()})
    passed, failed, unclear = (titles[verdicts["verdict"] == each] for each in SYMBOLS)
    said = f"Passes {len(passed)} of {count(len(verdicts), 'check')} of the audit"
    said += f"; fails: {', '.join(failed)}" if len(failed) else ""
    said += f"; cannot be told: {', '.join(unclear)}" if len(unclear) else ""
    control = "A control that knows nothing of the network: bound to fail. "
    return f"{control if method in CONTROLS else ''}{said}."


def trusted(methods: Iterable[str], checks: pd.DataFrame) -> list[dict[str, str]]:
    """How far to trust each method, for a page: method, name and verdict, see `in_words`.

    Args:
        methods: As in the config.
        checks: checks.csv.
    """
    rows = standing(checks)
    return [
        {"method": method, "name": method_name(method), "verdict": in_words(rows, method)}
        for method in methods
    ]


def measured(rows: pd.DataFrame) -> str:
    """What the values are; rows: see `standing`."""
    drawn = {CHECKS[check].group for check in rows["check"]}
    parts = [f"{name}: {meaning}" for name, (groups, meaning) in MEASURED.items() if groups & drawn]
    return f"{'; '.join(parts)}."


def memorised(rows: pd.DataFrame) -> list[str]:
    """How well shuffled labels were learned, a sentence; none where there is no such check.

    Args:
        rows: See `standing`.
    """
    title, shares = CHECKS["permuted_labels"].title, rows["learned"].dropna()
    if shares.empty:
        return []
    share = shares.iloc[0]
    told = f"{title}: the network got {100 * share:.3g} % of its shuffled training labels right"
    few = f", too few for this check to tell (it takes {100 * FITTED:.3g} %)"
    return [f"{told}{few if share < FITTED else ''}."]


def untested(rows: pd.DataFrame) -> list[str]:
    """Titles of the checks that no method went through; rows: see `standing`."""
    return [check.title for name, check in CHECKS.items() if name not in set(rows["check"])]
