"""Experiments side by side.

INPUTS   results/<dataset>/<experiment>/seed-<seed>/predictions.csv of every experiment in `run`
         and every seed, results/<dataset>/baselines.csv and manifest.csv
OUTPUTS  results/<dataset>/comparison.csv and comparison.png
"""


rule compare:
    """Target: the experiments side by side."""
    input:
        results("comparison.csv"),
        results("comparison.png"),


rule compare_experiments:
    """Compare experiments and baselines on the same held-out images, with paired 95 % intervals."""
    input:
        predictions=results("{experiment}/seed-{seed}/predictions.csv", dataset="{dataset}"),
        baselines="results/{dataset}/baselines.csv",
        manifest="results/{dataset}/manifest.csv",
        schema="schemas/comparison.schema.yaml",
        code=modules("compare"),
    output:
        "results/{dataset}/comparison.csv",
    log:
        "results/{dataset}/logs/compare.log",
    benchmark:
        "results/{dataset}/benchmarks/compare_experiments.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    params:
        experiments=[experiment for experiment in config["run"] for seed in config["seeds"]],
        threshold=config["evaluate"]["threshold"],
    script:
        "../scripts/compare.py"


rule compare_figure:
    """Draw each experiment's metrics with their intervals and seeds."""
    input:
        comparison="results/{dataset}/comparison.csv",
        code=modules("compare_figure"),
    output:
        report(
            "results/{dataset}/comparison.png",
            caption="../report/compare_comparison.rst",
            category="3 Results",
            labels={"figure": "all experiments side by side"},
        ),
    log:
        "results/{dataset}/logs/compare_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/compare_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/compare_figure.py"
