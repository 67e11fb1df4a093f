"""New X-rays and a trained network.

INPUTS   `input` of the config, an image or a folder; `model` of the config, or of the main
         experiment's first network results/<dataset>/<experiment>/<run>/model.keras, with
         features.npy and metrics.json; images.npy, manifest.csv and split.csv that it learned from
OUTPUTS  results/<dataset>/<experiment>/<run>/reference.json; results/predict/<name>/predictions.csv,
         predictions.html, xrays/ and overlays/; results/<dataset>/predict.html
"""


rule predict:
    """Target: what a network makes of new X-rays, which --config input=PATH names."""
    input:
        predicted_page,


rule predict_reference:
    """Describe the images that a network learned from, to tell unfamiliar ones."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        features="results/{dataset}/{experiment}/{run}/features.npy",
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        code=modules("predict_reference"),
    output:
        "results/{dataset}/{experiment}/{run}/reference.json",
    log:
        "results/{dataset}/logs/{experiment}/{run}/predict_reference.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/predict_reference.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(2000),
        runtime=needs(20),
    params:
        fold=fold_of,
    script:
        "../scripts/predict_reference.py"


rule predict_images:
    """Predict new X-rays, warn of unfamiliar ones, and map where the network looks."""
    input:
        unpack(network_for_new_images),
        schemas=expand("schemas/{file}.schema.yaml", file=["predicted", "reference"]),
        code=modules("predict_images"),
    output:
        table="results/predict/{name}/predictions.csv",
        xrays=directory("results/predict/{name}/xrays"),
        overlays=directory("results/predict/{name}/overlays"),
    log:
        "results/predict/{name}/predict_images.log",
    benchmark:
        "results/predict/{name}/benchmarks/predict_images.tsv"
    wildcard_constraints:
        name=r"[a-z0-9][a-z0-9_-]*",
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=needs(2500 + 4 * config["saliency"]["memory"]),
        runtime=needs(120),
    params:
        source=new_images,
        state=state_of_new_images,
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
    script:
        "../scripts/predict_images.py"


rule predict_overview:
    """Put predictions, pictures and warnings on one page."""
    input:
        unpack(network_for_new_images),
        table="results/predict/{name}/predictions.csv",
        xrays="results/predict/{name}/xrays",
        overlays="results/predict/{name}/overlays",
        template="pages/predictions.html",
        head="pages/head.html",
        styles=["pages/page.css", "pages/predictions.css"],
        schema="schemas/predicted.schema.yaml",
        code=modules("predict_overview"),
    output:
        "results/predict/{name}/predictions.html",
    log:
        "results/predict/{name}/predict_overview.log",
    benchmark:
        "results/predict/{name}/benchmarks/predict_overview.tsv"
    wildcard_constraints:
        name=r"[a-z0-9][a-z0-9_-]*",
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    params:
        target=config["saliency"]["target"],
    script:
        "../scripts/predict_overview.py"


rule predict_page:
    """Put the network itself into a page that judges X-rays in the browser."""
    input:
        model=of_main("{experiment}/{run}/model.keras"),
        reference=of_main("{experiment}/{run}/reference.json"),
        scores=of_main("{experiment}/seed-{seed}/metrics.json"),
        checks=of_main("{experiment}/{run}/audit-quick/checks.csv"),
        template="pages/predict.html",
        head="pages/head.html",
        styles=expand("pages/{part}.css", part=["page", "predict"]),
        scripts=expand("pages/{part}.js", part=["page", "predict"]),
        worker=expand(
            "pages/{part}.js", part=["png", "preprocessing", "network", "warnings", "work"]
        ),
        schemas=expand("schemas/{file}.schema.yaml", file=["checks", "reference"]),
        code=modules("predict_page"),
    output:
        "results/{dataset}/predict.html",
    log:
        "results/{dataset}/logs/predict_page.log",
    benchmark:
        "results/{dataset}/benchmarks/predict_page.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/predict_page.py"
