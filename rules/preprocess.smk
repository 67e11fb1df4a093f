"""All images as one array.

INPUTS   results/<dataset>/manifest.csv and the images that it names
OUTPUTS  results/<dataset>/images.npy
"""


scattergather:
    preprocess=config["preprocess"]["shards"],


rule preprocess:
    """Target: the array of images."""
    input:
        results("images.npy"),


rule preprocess_shard:
    """Resize and normalise one part of the images."""
    input:
        manifest="results/{dataset}/manifest.csv",
        code=modules("preprocess"),
    output:
        temp("results/{dataset}/shards/{scatteritem}.npy"),
    log:
        "results/{dataset}/logs/preprocess-{scatteritem}.log",
    benchmark:
        "results/{dataset}/benchmarks/preprocess_shard-{scatteritem}.tsv"
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=memory_for_shard,
        runtime=needs(120),
    params:
        size=config["image"]["size"],
        resize=config["image"]["resize"],
    script:
        "../scripts/preprocess.py"


rule preprocess_gather:
    """Join the parts, in the manifest's order."""
    input:
        shards=gather.preprocess("results/{{dataset}}/shards/{scatteritem}.npy"),
        code=modules("preprocess_gather"),
    output:
        "results/{dataset}/images.npy",
    log:
        "results/{dataset}/logs/gather.log",
    benchmark:
        "results/{dataset}/benchmarks/preprocess_gather.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000, shards=2),
        runtime=needs(60, shards=0.01),
    script:
        "../scripts/preprocess_gather.py"
