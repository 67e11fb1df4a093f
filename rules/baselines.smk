"""What networks have to beat.

INPUTS   results/<dataset>/images.npy, manifest.csv and split.csv
OUTPUTS  results/<dataset>/baselines.csv
"""


rule baselines:
    """Target: the predictions of classifiers that see no anatomy."""
    input:
        results("baselines.csv"),


rule baselines_predictions:
    """Predict by pixel statistics, by the border, by a thumbnail and by age, sex and view."""
    input:
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/baselines.schema.yaml",
        code=modules("baselines"),
    output:
        "results/{dataset}/baselines.csv",
    log:
        "results/{dataset}/logs/baselines.log",
    benchmark:
        "results/{dataset}/benchmarks/baselines_predictions.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000, images=1),
        runtime=needs(60, images=0.01),
    params:
        folds=config["split"]["folds"],
    script:
        "../scripts/baselines.py"
