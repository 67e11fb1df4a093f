"""Make the report: Snakemake's own, of all figures that rules mark for it.

Reads run.json (for the config), the figures and their captions. Writes report.html, one file that
needs no network. A rule cannot make a report of the run that it belongs to, so a second Snakemake
is called, with the same config; it reads the records of finished jobs and starts none.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cxr.log import job_log, say


def report_html(record: Path, results: list[Path], stylesheet: Path, output: Path) -> None:
    """Write report.html.

    Args:
        record: run.json.
        results: What the report shows, with the jobs behind it; all else is left out.
        stylesheet: Added to Snakemake's own.
        output: report.html to write.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps(json.loads(Path(record).read_text())["config"]))
        options = {
            "--report": output,
            "--report-stylesheet": stylesheet,
            "--configfile": config,
            "--profile": "none",
            "--workflow-profile": "none",
        }
        command = [sys.executable, "-m", "snakemake", *map(str, results)]
        command += [f"{option}={value}" for option, value in options.items()]
        subprocess.run(command, check=True)
    say(f"open {output} in a browser: start page, figures and what they show")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        report_html(
            record=snakemake.input.record,
            results=snakemake.input.results,
            stylesheet=snakemake.input.stylesheet,
            output=snakemake.output[0],
        )
