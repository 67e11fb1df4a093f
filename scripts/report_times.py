"""Add up where the time of a run went.

Reads the benchmark file that Snakemake leaves for each job; a job without one is left out. Writes
times.csv, a row per job, and times.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from cxr import plots, tables
from cxr.errors import UserError
from cxr.log import job_log
from cxr.words import count

MEASURED = {"s": "seconds", "cpu_time": "cpu_seconds", "max_rss": "memory_mb"}
UNITS = {"h": 3600, "min": 60, "s": 1}


def read_job(path: Path, folder: Path) -> dict[str, str | float]:
    """A row of times.csv.

    Args:
        path: A benchmark file, `<rule>.tsv` or `<rule>-<what>.tsv`.
        folder: Where all of them lie, some in folders of their own.

    Raises:
        UserError: the file does not hold what Snakemake writes.
    """
    rule = path.stem.partition("-")[0]
    job = path.relative_to(folder).with_suffix("").as_posix()
    try:
        found = pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        measured = {name: float(found[column]) for column, name in MEASURED.items()}
    except (LookupError, ValueError) as error:
        advice = "Delete it, and its job is left out of times.csv."
        raise UserError(f"{path}: this is no benchmark file ({error}). {advice}") from error
    return {"stage": rule.partition("_")[0], "rule": rule, "job": job, **measured}


def rules_by_stage(table: pd.DataFrame) -> pd.DataFrame:
    """Time and memory of each rule.

    Args:
        table: times.csv.

    Returns:
        A row per rule: `stage`, `rule`, number of `jobs`, `seconds` of all of them, `memory_mb`
        of the largest and `share`, 0 to 1, of the whole stage in all seconds. The stage that took
        longest comes first, and in it the rule that did.
    """
    rows = table.groupby(["stage", "rule"], as_index=False).agg(
        jobs=("job", "size"), seconds=("seconds", "sum"), memory_mb=("memory_mb", "max")
    )
    rows["share"] = rows.groupby("stage")["seconds"].transform("sum") / rows["seconds"].sum()
    order = {"share": False, "stage": True, "seconds": False, "rule": True}
    return rows.sort_values([*order], ascending=[*order.values()], ignore_index=True)


def unit_of(seconds: float) -> str:
    """The unit to tell a time in: the largest of which it is two or more."""
    return next((unit for unit, length in UNITS.items() if seconds >= 2 * length), "s")


def duration(seconds: float) -> str:
    """A time as text: 2.5 s, 50 s, 2.5 min, 3.0 h."""
    unit = unit_of(seconds)
    number = seconds / UNITS[unit]
    return f"{number:.{0 if number >= 10 else 1}f} {unit}"


def summary(table: pd.DataFrame) -> str:
    """How many jobs times.csv holds, how long they took and how much of that a CPU worked."""
    if table.empty:
        return "no job left a benchmark file"
    total, cpu = table["seconds"].sum(), table["cpu_seconds"].sum()
    busy = f"CPU time at least {duration(cpu)}, {100 * cpu / total:.0f} % of it"
    return f"{count(len(table), 'job')}, {duration(total)} together; {busy}"


def draw_times(table: pd.DataFrame, dataset: str) -> plt.Figure:
    """Bars of each rule's time, stage by stage, and of its largest memory.

    Args:
        table: times.csv.
        dataset: The data set's name, for the title.
    """
    rows = rules_by_stage(table)
    begins = rows["stage"] != rows["stage"].shift()
    places = rows.index + 0.5 * begins.cumsum()
    figure, (times, memory) = plt.subplots(
        1,
        2,
        figsize=(10, 1.7 + 0.2 * len(rows) + 0.1 * begins.sum()),
        sharey=True,
        width_ratios=(3, 2),
        layout="constrained",
    )
    plots.headline(figure, f"{dataset}: where the time went\n{summary(table)}")
    unit = unit_of(rows["seconds"].max())
    bars = {"y": places, "color": [(plots.SKY, plots.BLUE)[odd] for odd in begins.cumsum() % 2]}
    _draw_bars(times, rows["seconds"] / UNITS[unit], rows["seconds"].map(duration), **bars)
    _draw_bars(memory, rows["memory_mb"], rows["memory_mb"].map("{:,.0f}".format), **bars)
    for place, row in zip(places[begins], rows[begins].itertuples(), strict=True):
        share = f"{row.stage} {100 * row.share:.1f} %"
        times.text(
            0.99, place, share, transform=times.get_yaxis_transform(), ha="right", va="center"
        )
    names = rows["rule"] + rows["jobs"].map(lambda jobs: f" ({jobs} jobs)" if jobs > 1 else "")
    times.set_yticks(places, names, fontsize=8)
    times.invert_yaxis()
    times.margins(x=0.55)
    times.set_xlabel(f"time of all its jobs together ({unit})")
    memory.set_xlabel("largest memory of a job (MiB)")
    return figure


def _draw_bars(axis: plt.Axes, lengths: pd.Series, texts: pd.Series, **bars) -> None:
    """Draw bars with a text behind each; none where the length is not known."""
    drawn = axis.barh(width=lengths.fillna(0), **bars)
    axis.bar_label(drawn, texts.where(lengths.notna(), ""), padding=3, fontsize=8)
    axis.margins(x=0.15, y=0.01)
    plots.name_rows(axis)


def report_times(benchmarks: list[Path], folder: Path, output: Path, figure: Path) -> None:
    """Write times.csv and times.png.

    Args:
        benchmarks: The benchmark file of each job, whether it is there or not.
        folder: Where they lie: `results/<dataset>/benchmarks`.
        output: times.csv to write.
        figure: times.png to write.
    """
    rows = [read_job(path, folder) for path in map(Path, benchmarks) if path.exists()]
    table = pd.DataFrame(rows, columns=tables.columns("times"))
    tables.write_table(table, output, "times")
    plots.save(draw_times(table, folder.parent.name), figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        report_times(
            benchmarks=snakemake.params.benchmarks,
            folder=Path("results", snakemake.wildcards.dataset, "benchmarks"),
            output=snakemake.output.table,
            figure=snakemake.output.figure,
        )
