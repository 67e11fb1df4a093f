"""One network per experiment and seed.

INPUTS   results/<dataset>/images.npy, manifest.csv and split.csv
OUTPUTS  results/<dataset>/<experiment>/seed-<seed>/model.keras, history.csv and predictions.csv
"""


rule train:
    """Target: a trained network for each experiment and seed."""
    input:
        results("{experiment}/seed-{seed}/model.keras"),


rule train_network:
    """Train a network and predict the validation and test images."""
    input:
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        code=modules("train"),
    output:
        model="results/{dataset}/{experiment}/seed-{seed}/model.keras",
        history="results/{dataset}/{experiment}/seed-{seed}/history.csv",
        predictions="results/{dataset}/{experiment}/seed-{seed}/predictions.csv",
    log:
        "results/{dataset}/logs/train-{experiment}-{seed}.log",
    benchmark:
        "results/{dataset}/benchmarks/train-{experiment}-{seed}.tsv"
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        recipe=lookup("experiments/{experiment}", within=config),
        backend=config["backend"],
    script:
        "../scripts/train.py"
