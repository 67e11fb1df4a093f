"""Networks on data sets that they did not learn from.

INPUTS   results/<dataset>/<experiment>/seed-<seed>/model.keras (with cross-validation each
         fold's), predictions.csv and metrics.json; images.npy and manifest.csv of every data set in
         `transfer`
OUTPUTS  results/<dataset>/transfer/<other>.csv, what both data sets hold;
         results/<dataset>/<experiment>/seed-<seed>/transfer/<other>.csv,
         results/<dataset>/transfer.csv and transfer.png
"""


rule transfer:
    """Target: each network on the data sets in `transfer`."""
    input:
        results("transfer.png") if config["transfer"] else [],


rule transfer_overlap:
    """Find the images of another data set that are also in this one, or of its patients."""
    input:
        images="results/{other}/images.npy",
        manifest="results/{other}/manifest.csv",
        own_images="results/{dataset}/images.npy",
        own_manifest="results/{dataset}/manifest.csv",
        schema="schemas/overlap.schema.yaml",
        code=modules("transfer_overlap"),
    output:
        "results/{dataset}/transfer/{other}.csv",
    log:
        "results/{dataset}/logs/transfer-{other}.log",
    benchmark:
        "results/{dataset}/benchmarks/transfer_overlap-{other}.tsv"
    wildcard_constraints:
        other="|".join(config["datasets"]),
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(2000),
        runtime=needs(60, images=0.01, own_images=0.01),
    params:
        own_source=lookup("datasets/{dataset}/source", within=config),
        other_source=lookup("datasets/{other}/source", within=config),
    script:
        "../scripts/transfer_overlap.py"


rule transfer_predictions:
    """Predict the images of another data set by the networks of one seed."""
    input:
        models=by_fold("model.keras"),
        images="results/{other}/images.npy",
        manifest="results/{other}/manifest.csv",
        overlap="results/{dataset}/transfer/{other}.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["overlap", "transferred"]),
        code=modules("transfer_predictions"),
    output:
        "results/{dataset}/{experiment}/seed-{seed}/transfer/{other}.csv",
    log:
        "results/{dataset}/logs/{experiment}/seed-{seed}/transfer-{other}.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/seed-{seed}/transfer_predictions-{other}.tsv"
    wildcard_constraints:
        other="|".join(config["datasets"]),
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=needs(3000, images=1),
        runtime=needs(120, images=0.01),
        gpu=0,
    params:
        backend=config["backend"],
        threads=lookup("experiments/{experiment}/threads", within=config),
        flip=lookup("experiments/{experiment}/test_flip", within=config),
    script:
        "../scripts/transfer_predictions.py"


rule transfer_metrics:
    """Score every experiment on its own held-out images and on the other data sets."""
    input:
        predictions=results("{experiment}/seed-{seed}/predictions.csv", dataset="{dataset}"),
        scores=results("{experiment}/seed-{seed}/metrics.json", dataset="{dataset}"),
        transferred=expand(
            "results/{{dataset}}/{experiment}/seed-{seed}/transfer/{other}.csv",
            other=config["transfer"],
            experiment=config["run"],
            seed=config["seeds"],
        ),
        manifest="results/{dataset}/manifest.csv",
        manifests=expand("results/{other}/manifest.csv", other=config["transfer"]),
        schemas=expand("schemas/{table}.schema.yaml", table=["transfer", "transferred"]),
        code=modules("transfer"),
    output:
        "results/{dataset}/transfer.csv",
    log:
        "results/{dataset}/logs/transfer.log",
    benchmark:
        "results/{dataset}/benchmarks/transfer_metrics.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    params:
        others=config["transfer"],
        experiments=[experiment for experiment in config["run"] for seed in config["seeds"]],
    script:
        "../scripts/transfer.py"


rule transfer_figure:
    """Draw each experiment on its own and on the other data sets."""
    input:
        table="results/{dataset}/transfer.csv",
        schema="schemas/transfer.schema.yaml",
        code=modules("transfer_figure"),
    output:
        report(
            "results/{dataset}/transfer.png",
            caption="../report/transfer_metrics.rst",
            category="3 Results",
            labels={"figure": "other data sets"},
        ),
    log:
        "results/{dataset}/logs/transfer_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/transfer_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/transfer_figure.py"
