"""The pictures of the Carpentries lesson: of the X-rays on their way, and of each network.

INPUTS   results/<dataset>/manifest.csv, split.csv and images.npy; of the first run of each
         experiment in `run`, model.keras and predictions.csv
OUTPUTS  results/<dataset>/inspect/: figures of the X-rays; <experiment>_summary.txt and figures
         of each network
"""


rule inspect:
    """Target: pictures of the X-rays and of each experiment's first network."""
    input:
        results(
            "inspect/{figure}.png",
            figure=[
                "examples",
                "reading",
                "pixels",
                "preprocessing",
                "augmentation",
                "counts",
                "activations",
            ],
        ),
        results("inspect/{experiment}_summary.txt"),
        results(
            "inspect/{experiment}_{figure}.png",
            figure=["network", "filters", "features"],
        ),


rule inspect_images:
    """Draw examples, pixels, preprocessing, augmentation, counts and activation functions."""
    input:
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        images="results/{dataset}/images.npy",
        schema="schemas/manifest.schema.yaml",
        code=modules("inspect_images"),
    output:
        examples=report(
            "results/{dataset}/inspect/examples.png",
            caption="../report/inspect_examples.rst",
            category="1 X-rays",
            labels={"figure": "examples of each class"},
        ),
        reading=report(
            "results/{dataset}/inspect/reading.png",
            caption="../report/inspect_reading.rst",
            category="1 X-rays",
            labels={"figure": "read in colour and in grey"},
        ),
        pixels=report(
            "results/{dataset}/inspect/pixels.png",
            caption="../report/inspect_pixels.rst",
            category="1 X-rays",
            labels={"figure": "pixels as numbers"},
        ),
        preprocessing=report(
            "results/{dataset}/inspect/preprocessing.png",
            caption="../report/inspect_preprocessing.rst",
            category="1 X-rays",
            labels={"figure": "before and after preprocessing"},
        ),
        augmentation=report(
            "results/{dataset}/inspect/augmentation.png",
            caption="../report/inspect_augmentation.rst",
            category="1 X-rays",
            labels={"figure": "augmentation"},
        ),
        counts=report(
            "results/{dataset}/inspect/counts.png",
            caption="../report/inspect_counts.rst",
            category="1 X-rays",
            labels={"figure": "images and patients of each subset"},
        ),
        activations=report(
            "results/{dataset}/inspect/activations.png",
            caption="../report/inspect_activations.rst",
            category="2 Networks",
            labels={"figure": "activation functions"},
        ),
    log:
        "results/{dataset}/logs/inspect_images.log",
    benchmark:
        "results/{dataset}/benchmarks/inspect_images.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(3000),
        runtime=needs(20),
    params:
        augmentations={name: config["experiments"][name]["augment"] for name in config["run"]},
        resize=config["image"]["resize"],
        fold=fold_of,
    script:
        "../scripts/inspect_images.py"


rule inspect_network:
    """Draw a network, its first filters and its feature maps, and write its summary."""
    input:
        model=expand(
            "results/{{dataset}}/{{experiment}}/{run}/model.keras",
            run=RUNS[0],
        ),
        predictions=expand(
            "results/{{dataset}}/{{experiment}}/{run}/predictions.csv",
            run=RUNS[0],
        ),
        manifest="results/{dataset}/manifest.csv",
        images="results/{dataset}/images.npy",
        code=modules("inspect_network"),
    output:
        summary="results/{dataset}/inspect/{experiment}_summary.txt",
        network=report(
            "results/{dataset}/inspect/{experiment}_network.png",
            caption="../report/inspect_network.rst",
            category="2 Networks",
            labels={"figure": "network", "experiment": "{experiment}"},
        ),
        filters=report(
            "results/{dataset}/inspect/{experiment}_filters.png",
            caption="../report/inspect_filters.rst",
            category="2 Networks",
            labels={
                "figure": "first filters",
                "experiment": "{experiment}",
                "run": RUNS[0],
            },
        ),
        features=report(
            "results/{dataset}/inspect/{experiment}_features.png",
            caption="../report/inspect_features.rst",
            category="2 Networks",
            labels={
                "figure": "feature maps",
                "experiment": "{experiment}",
                "run": RUNS[0],
            },
        ),
    log:
        "results/{dataset}/logs/{experiment}/inspect_network.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/inspect_network.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=needs(3000),
        runtime=needs(20),
    params:
        run=RUNS[0],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/inspect_network.py"
