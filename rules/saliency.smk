"""What each network looks at.

INPUTS   results/<dataset>/<experiment>/<run>/model.keras, and images.npy, manifest.csv and
         split.csv of the data set
OUTPUTS  results/<dataset>/saliency.csv, the images to map, and in
         results/<dataset>/<experiment>/<run>/saliency/: <method>.npy, maps.csv, agreement.csv, agreement_summary.csv and their figures. A run is seed-<seed>, with
         cross-validation seed-<seed>/fold-<fold>
"""


rule saliency:
    """Target: saliency maps of the first network of each experiment."""
    input:
        results(
            "{experiment}/{run}/saliency/{figure}.png",
            run=RUNS[:1],
            figure=["maps", "agreement"],
        ),


rule saliency_images:
    """Choose the images to map, before any network is trained."""
    input:
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/saliency.schema.yaml",
        code=modules("saliency_images"),
    output:
        "results/{dataset}/saliency.csv",
    log:
        "results/{dataset}/logs/saliency_images.log",
    benchmark:
        "results/{dataset}/benchmarks/saliency_images.tsv"
    priority: 1  # an id that there is not is said before networks are trained
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        fold=fold_of,
        test_images=config["saliency"]["images"],
        ids=config["saliency"]["ids"],
    script:
        "../scripts/saliency_images.py"


rule saliency_maps:
    """Map what a network looks at, by each method."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        chosen="results/{dataset}/saliency.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["maps", "saliency"]),
        code=modules("saliency"),
    output:
        maps=expand(
            "results/{{dataset}}/{{experiment}}/{{run}}/saliency/{method}.npy",
            method=config["saliency"]["methods"],
        ),
        table="results/{dataset}/{experiment}/{run}/saliency/maps.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/saliency.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/saliency_maps.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(120),
    params:
        methods=config["saliency"]["methods"],
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/saliency.py"


rule saliency_agreement:
    """Measure how far the methods agree, image by image."""
    input:
        maps=expand(
            "results/{{dataset}}/{{experiment}}/{{run}}/saliency/{method}.npy",
            method=config["saliency"]["methods"],
        ),
        table="results/{dataset}/{experiment}/{run}/saliency/maps.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["maps", "agreement", "agreement_summary"],
        ),
        code=modules("saliency_agreement"),
    output:
        pairs="results/{dataset}/{experiment}/{run}/saliency/agreement.csv",
        summary="results/{dataset}/{experiment}/{run}/saliency/agreement_summary.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/saliency_agreement.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/saliency_agreement.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(2000),
        runtime=needs(20),
    params:
        methods=config["saliency"]["methods"],
    script:
        "../scripts/saliency_agreement.py"


rule saliency_figures:
    """Draw the maps over their X-rays, and the pairs that agree most and least."""
    input:
        table="results/{dataset}/{experiment}/{run}/saliency/maps.csv",
        pairs="results/{dataset}/{experiment}/{run}/saliency/agreement.csv",
        summary="results/{dataset}/{experiment}/{run}/saliency/agreement_summary.csv",
        maps=expand(
            "results/{{dataset}}/{{experiment}}/{{run}}/saliency/{method}.npy",
            method=config["saliency"]["methods"],
        ),
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["maps", "agreement", "agreement_summary"],
        ),
        code=modules("saliency_figures"),
    output:
        maps=report(
            "results/{dataset}/{experiment}/{run}/saliency/maps.png",
            caption="../report/saliency_maps.rst",
            category="4 Saliency",
            labels={"figure": "maps", "experiment": "{experiment}", "run": "{run}"},
        ),
        agreement=report(
            "results/{dataset}/{experiment}/{run}/saliency/agreement.png",
            caption="../report/saliency_agreement.rst",
            category="4 Saliency",
            labels={"figure": "agreement", "experiment": "{experiment}", "run": "{run}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/{run}/saliency_figures.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/saliency_figures.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(2000),
        runtime=needs(20),
    params:
        methods=config["saliency"]["methods"],
    script:
        "../scripts/saliency_figures.py"
