"""The record of a run.

INPUTS   every metrics.json and comparison.csv of the data set
OUTPUTS  results/<dataset>/run.json
"""


rule run_record:
    """Write down the config, versions, hardware and checksums behind the results."""
    input:
        scores=results("{experiment}/seed-{seed}/metrics.json", dataset="{dataset}"),
        comparison="results/{dataset}/comparison.csv",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        code=modules("run"),
    output:
        "results/{dataset}/run.json",
    log:
        "results/{dataset}/logs/run.log",
    benchmark:
        "results/{dataset}/benchmarks/run_record.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        config=config,
    script:
        "../scripts/run.py"
