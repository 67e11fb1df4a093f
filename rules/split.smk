"""Which images train, validate and test, or the folds of a cross-validation.

INPUTS   results/<dataset>/manifest.csv and, if split.file names one, the user's own table
OUTPUTS  results/<dataset>/split.csv
"""


rule split:
    """Target: the train, validation and test subsets, or folds."""
    input:
        results("split.csv"),


rule split_images:
    """Divide the images into train, validation and test, patient by patient where known."""
    input:
        **({"file": config["split"]["file"]} if config["split"]["file"] else {}),
        manifest="results/{dataset}/manifest.csv",
        pairs="results/{dataset}/pairs.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["pairs", "split"]),
        code=modules("split"),
    output:
        "results/{dataset}/split.csv",
    log:
        "results/{dataset}/logs/split.log",
    benchmark:
        "results/{dataset}/benchmarks/split_images.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        test=config["split"]["test"],
        validation=config["split"]["validation"],
        seed=config["split"]["seed"],
        stratify=config["split"]["stratify"],
        folds=config["split"]["folds"],
        together=config["split"]["together"],
        allow_leakage=config["split"]["allow_leakage"],
        content=content_of(config["split"]["file"]),
    script:
        "../scripts/split.py"
