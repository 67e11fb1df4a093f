"""Images on disk.

INPUTS   phantom: nothing; archive, and nih with archives: zips or tars at URLs, or placed in
         data/downloads/
OUTPUTS  data/<dataset>/, with acquired.json as its last file. The sources folder and table, and nih
         with a folder, need nothing: their images are the user's and stay where they are.
"""


rule acquire:
    """Target: the images of the data set."""
    input:
        acquired(config["dataset"]),


rule acquire_phantom:
    """Draw simulated chest X-rays."""
    input:
        code=modules("acquire_phantom"),
    output:
        "data/{dataset}/acquired.json",
    log:
        "results/{dataset}/logs/acquire.log",
    benchmark:
        "results/{dataset}/benchmarks/acquire_phantom.tsv"
    wildcard_constraints:
        dataset=datasets_from("phantom"),
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=needs(1000),
        runtime=minutes_to_draw,
    params:
        normal=lookup("datasets/{dataset}/normal", within=config),
        effusion=lookup("datasets/{dataset}/effusion", within=config),
        size=lookup("datasets/{dataset}/size", within=config),
        seed=lookup("datasets/{dataset}/seed", within=config),
        label_noise=lookup("datasets/{dataset}/label_noise", within=config),
        shortcut=lookup("datasets/{dataset}/shortcut", within=config),
    script:
        "../scripts/acquire_phantom.py"


rule acquire_archive:
    """Fetch, verify and unpack archives of X-rays."""
    input:
        code=modules("acquire_archive"),
    output:
        "data/{dataset}/acquired.json",
    log:
        "results/{dataset}/logs/acquire.log",
    benchmark:
        "results/{dataset}/benchmarks/acquire_archive.tsv"
    wildcard_constraints:
        dataset="|".join(filter(archives, config["datasets"])) or "(?!)",
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(240),
    params:
        archives=lambda wildcards: archives(wildcards.dataset),
    script:
        "../scripts/acquire_archive.py"
