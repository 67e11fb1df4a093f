"""Score one run's predictions.

Reads predictions.csv and manifest.csv (for the patients). Writes metrics.json: every metric of
each subset in predictions.csv with its 95 % interval over patients, and how temperature scaling
changes the calibration of the images held out. Thresholds and temperatures come from the
validation images alone, with cross-validation from those of each fold.
"""

import json
from pathlib import Path

from cxr.log import job_log, say
from cxr.predictions import held_out, read_predictions
from cxr.summaries import RULES, SUBSETS, calibrated, choose, per_image, stated, summarise

AT_THRESHOLD = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "confusion")


def evaluate(
    predictions: Path, manifest: Path, output: Path, threshold: str | float, name: str
) -> None:
    """Write metrics.json.

    Args:
        predictions: predictions.csv.
        manifest: manifest.csv.
        output: metrics.json to write.
        threshold: Rule of the threshold: 0.5, youden or sensitivity_95, as text or number.
        name: What the progress line begins with.
    """
    table = read_predictions(predictions, manifest)
    parts = dict(list(table.groupby("subset", sort=False)))
    points, summaries = {}, {}
    for rule, choice in RULES.items():
        cuts = stated("threshold", choose(parts["validation"], choice))
        summaries[rule] = {
            subset: summarise(part, per_image(cuts, "threshold", part["fold"]))
            for subset, part in parts.items()
        }
        points[rule] = cuts | {
            subset: {key: summary[key] for key in AT_THRESHOLD}
            for subset, summary in summaries[rule].items()
        }
    rule, main = str(threshold), held_out(table)
    scores = summaries[rule]
    scores[main]["calibrated"] = calibrated(parts[main], parts["validation"])
    chosen = {key: points[rule][key] for key in ("threshold", "thresholds") if key in points[rule]}
    result = {**chosen, "threshold_rule": rule, "operating_points": points, **scores}
    Path(output).write_text(json.dumps(result, indent=2) + "\n")
    auroc, accuracy = scores[main]["auroc"], scores[main]["accuracy"]
    if auroc["ci95"][0] is not None:
        low, high = auroc["ci95"]
        say(
            f"{name}  {SUBSETS[main]} AUROC {auroc['value']:.3f} ({low:.3f} to {high:.3f}), "
            f"accuracy {accuracy['value']:.3f}, n = {scores[main]['n']}"
        )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        evaluate(
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            threshold=snakemake.params.threshold,
            name=f"{snakemake.wildcards.experiment} seed {snakemake.wildcards.seed}",
        )
