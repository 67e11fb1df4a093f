"""Which images there are, and what is known about each.

INPUTS   the images of a data set: data/<dataset>/, or the user's own folder or table
OUTPUTS  results/<dataset>/manifest.csv, rejected.csv and boxes.csv
"""


rule manifest:
    """Target: the table of usable images."""
    input:
        results("manifest.csv"),


rule manifest_images:
    """Decode, verify and describe each image once."""
    input:
        images_of,
        code=modules("manifest"),
        schemas=expand("schemas/{table}.schema.yaml", table=["manifest", "rejected", "boxes"]),
    output:
        manifest="results/{dataset}/manifest.csv",
        rejected="results/{dataset}/rejected.csv",
        boxes="results/{dataset}/boxes.csv",
    log:
        "results/{dataset}/logs/manifest.log",
    benchmark:
        "results/{dataset}/benchmarks/manifest_images.tsv"
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=needs(2000),
        runtime=needs(120),
    params:
        dataset=lookup("datasets/{dataset}", within=config),
        folder="data/{dataset}",
        max_rejected=config["max_rejected"],
        min_size=config["image"]["min_size"],
        exclude=config["image"]["exclude"],
        key_file="data/pseudonyms.key",
        state=state_of_images,
    script:
        "../scripts/manifest.py"
