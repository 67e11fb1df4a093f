"""The reader's quiz: "Effusion or not?"

INPUTS   results/<dataset>/manifest.csv, split.csv and images.npy; of the main experiment's first
         network model.keras, predictions.csv, metrics.json and audit-quick/checks.csv; the X-rays;
         data/readers/*.csv, people's answers; the page's parts in pages/
OUTPUTS  results/<dataset>/quiz.csv, readers.csv, readers_agreement.csv and quiz.html, and in
         results/<dataset>/<main>/<run>/quiz/: <method>.npy and maps.csv
"""


rule quiz:
    """Target: a page that asks you about X-rays and sets you beside the network."""
    input:
        results("quiz.html"),


rule quiz_images:
    """Choose the X-rays by coin flips, before any network is trained."""
    input:
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/saliency.schema.yaml",
        code=modules("quiz_images"),
    output:
        "results/{dataset}/quiz.csv",
    log:
        "results/{dataset}/logs/quiz_images.log",
    benchmark:
        "results/{dataset}/benchmarks/quiz_images.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        fold=fold_of,
        number=config["quiz"]["images"],
        seed=config["quiz"]["seed"],
    script:
        "../scripts/quiz_images.py"


rule quiz_maps:
    """Map what the network looks at in the X-rays of the quiz."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        chosen="results/{dataset}/quiz.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["maps", "saliency"]),
        code=modules("saliency"),
    output:
        maps=expand(
            "results/{{dataset}}/{{experiment}}/{{run}}/quiz/{method}.npy",
            method=config["quiz"]["methods"],
        ),
        table="results/{dataset}/{experiment}/{run}/quiz/maps.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/quiz_maps.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/quiz_maps.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(60),
    params:
        methods=config["quiz"]["methods"],
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/saliency.py"


rule quiz_readers:
    """Set people who read the X-rays beside the network, and beside each other."""
    input:
        predictions=of_main("{experiment}/seed-{seed}/predictions.csv"),
        scores=of_main("{experiment}/seed-{seed}/metrics.json"),
        manifest="results/{dataset}/manifest.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml", table=["reader", "readers", "readers_agreement"]
        ),
        code=modules("quiz_readers"),
    output:
        readers="results/{dataset}/readers.csv",
        agreement="results/{dataset}/readers_agreement.csv",
    log:
        "results/{dataset}/logs/quiz_readers.log",
    benchmark:
        "results/{dataset}/benchmarks/quiz_readers.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        folder=READERS,
        content=fingerprint(READERS),
    script:
        "../scripts/quiz_readers.py"


rule quiz_page:
    """Put X-rays, answers and maps into one page that needs no network."""
    input:
        chosen="results/{dataset}/quiz.csv",
        predictions=of_main("{experiment}/seed-{seed}/predictions.csv"),
        scores=of_main("{experiment}/seed-{seed}/metrics.json"),
        manifest="results/{dataset}/manifest.csv",
        maps=expand(
            of_main("{experiment}/{run}/quiz/{method}.npy"),
            method=config["quiz"]["methods"],
            allow_missing=True,
        ),
        table=of_main("{experiment}/{run}/quiz/maps.csv"),
        checks=of_main("{experiment}/{run}/audit-quick/checks.csv"),
        readers="results/{dataset}/readers.csv",
        agreement="results/{dataset}/readers_agreement.csv",
        template="pages/quiz.html",
        head="pages/head.html",
        viewer="pages/viewer.html",
        styles=expand("pages/{part}.css", part=["page", "quiz"]),
        scripts=expand("pages/{part}.js", part=["page", "statistics", "viewer", "quiz"]),
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["manifest", "saliency", "maps", "checks", "readers", "readers_agreement"],
        ),
        code=modules("quiz"),
    output:
        "results/{dataset}/quiz.html",
    log:
        "results/{dataset}/logs/quiz.log",
    benchmark:
        "results/{dataset}/benchmarks/quiz_page.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        source=lookup("datasets/{dataset}/source", within=config),
        experiment=config["main"],
        size=config["quiz"]["size"],
        methods=config["quiz"]["methods"],
    script:
        "../scripts/quiz.py"
