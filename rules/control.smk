"""Whether the workflow finds what is not there: networks that learn from shuffled labels.

INPUTS   results/<dataset>/images.npy, manifest.csv and split.csv
OUTPUTS  results/<dataset>/<main>/control/permutation-<permutation>/model.keras, history.csv and
         predictions.csv, results/<dataset>/control.csv
"""


rule control:
    """Target: the main experiment on permuted labels. Not part of a normal run."""
    input:
        results("control.csv"),


rule control_network:
    """Train a network of the main experiment on permuted labels."""
    input:
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/predictions.schema.yaml",
        code=modules("train"),
    output:
        model="results/{dataset}/{experiment}/control/permutation-{permutation}/model.keras",
        history="results/{dataset}/{experiment}/control/permutation-{permutation}/history.csv",
        predictions="results/{dataset}/{experiment}/control/permutation-{permutation}/predictions.csv",
    log:
        "results/{dataset}/logs/{experiment}/control/permutation-{permutation}.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/control/control_network-{permutation}.tsv"
    wildcard_constraints:
        permutation=r"\d+",
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
        seed=config["seeds"][0],
        fold=fold_of,
        name="{experiment}, permutation {permutation}",
    script:
        "../scripts/train.py"


rule control_scores:
    """Score what networks make of the true labels after learning from permuted ones."""
    input:
        predictions=expand(
            "results/{{dataset}}/{experiment}/control/permutation-{permutation}/predictions.csv",
            experiment=config["main"],
            permutation=PERMUTATIONS,
        ),
        manifest="results/{dataset}/manifest.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["control", "predictions"]),
        code=modules("control"),
    output:
        "results/{dataset}/control.csv",
    log:
        "results/{dataset}/logs/control.log",
    benchmark:
        "results/{dataset}/benchmarks/control_scores.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        experiment=config["main"],
        permutations=PERMUTATIONS,
    script:
        "../scripts/control.py"
