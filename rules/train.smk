"""One network per experiment and seed; with cross-validation per experiment, seed and fold.

INPUTS   results/<dataset>/images.npy, manifest.csv and split.csv
OUTPUTS  results/<dataset>/<experiment>/seed-<seed>/model.keras, history.csv, predictions.csv and
         features.npy; with cross-validation the same in seed-<seed>/fold-<fold>/, and the
         predictions of a seed's networks pooled in seed-<seed>/predictions.csv
"""


rule train:
    """Target: a trained network for each experiment and seed, or fold."""
    input:
        results("{experiment}/{run}/model.keras"),


rule train_network:
    """Train a network and predict its validation and held-out images."""
    input:
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        code=modules("train"),
    output:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        history="results/{dataset}/{experiment}/{run}/history.csv",
        predictions="results/{dataset}/{experiment}/{run}/predictions.csv",
        features="results/{dataset}/{experiment}/{run}/features.npy",
    log:
        "results/{dataset}/logs/{experiment}/{run}/train.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/train_network.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=needs(3000, images=1),
        runtime=needs(240, images=0.05),
        gpu=0,
    params:
        recipe=lookup("experiments/{experiment}", within=config),
        backend=config["backend"],
        seed=seed_of,
        fold=fold_of,
        name=name_of,
        facts=facts_of,
    script:
        "../scripts/train.py"


if FOLDS:

    rule train_pool:
        """Pool the predictions of a seed's folds."""
        input:
            predictions=by_fold("predictions.csv"),
            manifest="results/{dataset}/manifest.csv",
            schema="schemas/predictions.schema.yaml",
            code=modules("train_pool"),
        output:
            "results/{dataset}/{experiment}/seed-{seed}/predictions.csv",
        log:
            "results/{dataset}/logs/{experiment}/seed-{seed}/train_pool.log",
        benchmark:
            "results/{dataset}/benchmarks/{experiment}/seed-{seed}/train_pool.tsv"
        conda:
            "../environment.yml"
        resources:
            mem_mb=needs(1000),
            runtime=needs(10),
        script:
            "../scripts/train_pool.py"
