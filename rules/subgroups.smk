"""Whether a network serves some patients worse than others.

INPUTS   results/<dataset>/<experiment>/seed-<seed>/predictions.csv and metrics.json,
         results/<dataset>/manifest.csv
OUTPUTS  results/<dataset>/<experiment>/seed-<seed>/subgroups.csv and subgroups.png
"""


rule subgroups:
    """Target: each network's metrics by age, sex and view."""
    input:
        results("{experiment}/seed-{seed}/subgroups.png"),


rule subgroups_metrics:
    """Score the held-out images by age, sex and view, with 95 % intervals."""
    input:
        predictions="results/{dataset}/{experiment}/seed-{seed}/predictions.csv",
        scores="results/{dataset}/{experiment}/seed-{seed}/metrics.json",
        manifest="results/{dataset}/manifest.csv",
        schema="schemas/subgroups.schema.yaml",
        code=modules("subgroups"),
    output:
        "results/{dataset}/{experiment}/seed-{seed}/subgroups.csv",
    log:
        "results/{dataset}/logs/{experiment}/seed-{seed}/subgroups.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/seed-{seed}/subgroups_metrics.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/subgroups.py"


rule subgroups_figure:
    """Draw the metrics by age, sex and view."""
    input:
        table="results/{dataset}/{experiment}/seed-{seed}/subgroups.csv",
        schema="schemas/subgroups.schema.yaml",
        code=modules("subgroups_figure"),
    output:
        report(
            "results/{dataset}/{experiment}/seed-{seed}/subgroups.png",
            caption="../report/subgroups_metrics.rst",
            category="3 Results",
            labels={"figure": "subgroups", "experiment": "{experiment}", "seed": "{seed}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/seed-{seed}/subgroups_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/seed-{seed}/subgroups_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/subgroups_figure.py"
