"""How good each network is.

INPUTS   results/<dataset>/<experiment>/seed-<seed>/predictions.csv and history.csv (with
         cross-validation each fold's), results/<dataset>/manifest.csv and images.npy
OUTPUTS  results/<dataset>/<experiment>/seed-<seed>/metrics.json and its figures
"""


rule evaluate:
    """Target: metrics and figures of each network."""
    input:
        results("{experiment}/seed-{seed}/metrics.json"),
        results(
            "{experiment}/seed-{seed}/{figure}.png",
            figure=[
                "history",
                "confusion",
                "roc",
                "precision_recall",
                "calibration",
                "mistakes",
            ],
        ),


rule evaluate_predictions:
    """Score the predictions of validation images and of those held out, with 95 % intervals."""
    input:
        predictions="results/{dataset}/{experiment}/seed-{seed}/predictions.csv",
        manifest="results/{dataset}/manifest.csv",
        code=modules("evaluate"),
    output:
        "results/{dataset}/{experiment}/seed-{seed}/metrics.json",
    log:
        "results/{dataset}/logs/{experiment}/seed-{seed}/evaluate.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/seed-{seed}/evaluate_predictions.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    params:
        threshold=config["evaluate"]["threshold"],
    script:
        "../scripts/evaluate.py"


rule evaluate_figures:
    """Draw the learning curves, ROC, precision-recall, calibration and the surest mistakes."""
    input:
        predictions="results/{dataset}/{experiment}/seed-{seed}/predictions.csv",
        histories=by_fold("history.csv"),
        metrics="results/{dataset}/{experiment}/seed-{seed}/metrics.json",
        manifest="results/{dataset}/manifest.csv",
        images="results/{dataset}/images.npy",
        code=modules("evaluate_figures"),
    output:
        history=report(
            "results/{dataset}/{experiment}/seed-{seed}/history.png",
            caption="../report/evaluate_history.rst",
            category="2 Networks",
            labels={"figure": "learning curves", "experiment": "{experiment}", "seed": "{seed}"},
        ),
        confusion=report(
            "results/{dataset}/{experiment}/seed-{seed}/confusion.png",
            caption="../report/evaluate_confusion.rst",
            category="3 Results",
            labels={"figure": "confusion matrix", "experiment": "{experiment}", "seed": "{seed}"},
        ),
        roc=report(
            "results/{dataset}/{experiment}/seed-{seed}/roc.png",
            caption="../report/evaluate_roc.rst",
            category="3 Results",
            labels={"figure": "ROC curve", "experiment": "{experiment}", "seed": "{seed}"},
        ),
        precision_recall=report(
            "results/{dataset}/{experiment}/seed-{seed}/precision_recall.png",
            caption="../report/evaluate_precision_recall.rst",
            category="3 Results",
            labels={
                "figure": "precision and recall",
                "experiment": "{experiment}",
                "seed": "{seed}",
            },
        ),
        calibration=report(
            "results/{dataset}/{experiment}/seed-{seed}/calibration.png",
            caption="../report/evaluate_calibration.rst",
            category="3 Results",
            labels={"figure": "calibration", "experiment": "{experiment}", "seed": "{seed}"},
        ),
        mistakes=report(
            "results/{dataset}/{experiment}/seed-{seed}/mistakes.png",
            caption="../report/evaluate_mistakes.rst",
            category="3 Results",
            labels={"figure": "surest mistakes", "experiment": "{experiment}", "seed": "{seed}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/seed-{seed}/evaluate_figures.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/seed-{seed}/evaluate_figures.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    script:
        "../scripts/evaluate_figures.py"
