"""The explorer: a page to look through all X-rays, and what the main network says of each.

INPUTS   results/<dataset>/manifest.csv, split.csv, images.npy, pairs.csv and label_errors.csv; of
         the main experiment's first network model.keras, predictions.csv, features.npy,
         metrics.json and audit-quick/checks.csv; the X-rays; the page's parts in pages/
OUTPUTS  results/<dataset>/explore.html and the pictures in explore/; and in
         results/<dataset>/<main>/<run>/explore/: predictions.csv, <method>.npy and maps.csv
"""


rule explore:
    """Target: a page to look through all X-rays, predictions and saliency maps."""
    input:
        results("explore.html"),


rule explore_network:
    """Ask the network about every image, and map what it looks at in the held-out ones."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        predictions="results/{dataset}/{experiment}/{run}/predictions.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["maps", "predictions"]),
        code=modules("explore_network"),
    output:
        predictions="results/{dataset}/{experiment}/{run}/explore/predictions.csv",
        maps=expand(
            "results/{{dataset}}/{{experiment}}/{{run}}/explore/{method}.npy",
            method=config["explore"]["methods"],
        ),
        table="results/{dataset}/{experiment}/{run}/explore/maps.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/explore_network.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/explore_network.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(60, images=0.01),
    params:
        fold=fold_of,
        flip=lookup("experiments/{experiment}/test_flip", within=config),
        methods=config["explore"]["methods"],
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/explore_network.py"


rule explore_xrays:
    """Reduce every X-ray to a picture and a thumbnail, and outline the true effusions."""
    input:
        manifest="results/{dataset}/manifest.csv",
        schema="schemas/manifest.schema.yaml",
        code=modules("explore_xrays"),
    output:
        xrays=directory("results/{dataset}/explore/xrays"),
        thumbnails=directory("results/{dataset}/explore/thumbnails"),
        outlines=directory("results/{dataset}/explore/outlines"),
    log:
        "results/{dataset}/logs/explore_xrays.log",
    benchmark:
        "results/{dataset}/benchmarks/explore_xrays.tsv"
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=needs(2000),
        runtime=needs(20, manifest=10),
    params:
        size=config["explore"]["size"],
    script:
        "../scripts/explore_xrays.py"


rule explore_maps:
    """Colour the maps."""
    input:
        maps=expand(
            of_main("{experiment}/{run}/explore/{method}.npy"),
            method=config["explore"]["methods"],
            allow_missing=True,
        ),
        table=of_main("{experiment}/{run}/explore/maps.csv"),
        schema="schemas/maps.schema.yaml",
        code=modules("explore_maps"),
    output:
        directory("results/{dataset}/explore/maps"),
    log:
        "results/{dataset}/logs/explore_maps.log",
    benchmark:
        "results/{dataset}/benchmarks/explore_maps.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10, maps=0.01),
    params:
        methods=config["explore"]["methods"],
    script:
        "../scripts/explore_maps.py"


rule explore_page:
    """Put all that is known of the X-rays into one page, with their pictures beside it."""
    input:
        manifest="results/{dataset}/manifest.csv",
        asked=of_main("{experiment}/{run}/explore/predictions.csv"),
        scores=of_main("{experiment}/seed-{seed}/metrics.json"),
        features=of_main("{experiment}/{run}/features.npy"),
        table=of_main("{experiment}/{run}/explore/maps.csv"),
        maps="results/{dataset}/explore/maps",
        xrays="results/{dataset}/explore/xrays",
        thumbnails="results/{dataset}/explore/thumbnails",
        outlines="results/{dataset}/explore/outlines",
        pairs="results/{dataset}/pairs.csv",
        errors="results/{dataset}/label_errors.csv",
        checks=of_main("{experiment}/{run}/audit-quick/checks.csv"),
        template="pages/explore.html",
        head="pages/head.html",
        viewer="pages/viewer.html",
        styles=expand("pages/{part}.css", part=["page", "explore"]),
        scripts=expand("pages/{part}.js", part=["page", "viewer", "explore"]),
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["manifest", "predictions", "maps", "pairs", "label_errors", "checks"],
        ),
        code=modules("explore"),
    output:
        "results/{dataset}/explore.html",
    log:
        "results/{dataset}/logs/explore.log",
    benchmark:
        "results/{dataset}/benchmarks/explore_page.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000, manifest=50, features=20),
        runtime=needs(10, features=1),
    params:
        source=lookup("datasets/{dataset}/source", within=config),
        experiment=config["main"],
        run=RUNS[0],
        fold=fold_of,
        methods=config["explore"]["methods"],
    script:
        "../scripts/explore.py"
