"""What others need to know of the networks: a model card, checklists, and where images went.

INPUTS   results/<dataset>/run.json, manifest.csv, rejected.csv, split.csv, pairs.csv,
         datasheet.csv, comparison.csv, leakage.csv, leakage_sensitivity.csv and, with `transfer`,
         transfer.csv; the main experiment's summary, and of its first seed metrics.json,
         subgroups.csv and audit-quick/checks.csv; CITATION.cff; the checklists in report/
OUTPUTS  results/<dataset>/flow.csv and flow.png; results/<dataset>/<main>/model_card.md, .html,
         .csv and .json, and checklists.md, .html and .csv
"""


rule card:
    """Target: the model card of the main experiment, reporting checklists, the flow of images."""
    input:
        results("flow.png"),
        results("{main}/{page}.html", main=config["main"], page=["model_card", "checklists"]),


rule card_flow:
    """Count and draw the images from found to used: left out and why, copies, parts."""
    input:
        manifest="results/{dataset}/manifest.csv",
        rejected="results/{dataset}/rejected.csv",
        split="results/{dataset}/split.csv",
        pairs="results/{dataset}/pairs.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml", table=["manifest", "rejected", "pairs", "flow"]
        ),
        code=modules("card_flow"),
    output:
        table="results/{dataset}/flow.csv",
        figure=report(
            "results/{dataset}/flow.png",
            caption="../report/card_flow.rst",
            category="1 X-rays",
            labels={"figure": "images from found to used"},
        ),
    log:
        "results/{dataset}/logs/card_flow.log",
    benchmark:
        "results/{dataset}/benchmarks/card_flow.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/card_flow.py"


rule card_model:
    """Describe the main experiment's networks: use, data, recipe, metrics, trust, limits."""
    input:
        record="results/{dataset}/run.json",
        summary="results/{dataset}/inspect/{experiment}_summary.txt",
        software="CITATION.cff",
        manifest="results/{dataset}/manifest.csv",
        datasheet="results/{dataset}/datasheet.csv",
        comparison="results/{dataset}/comparison.csv",
        scores=of_main("{experiment}/seed-{seed}/metrics.json"),
        subgroups=of_main("{experiment}/seed-{seed}/subgroups.csv"),
        checks=of_main("{experiment}/{run}/audit-quick/checks.csv"),
        leakage="results/{dataset}/leakage.csv",
        sensitivity="results/{dataset}/leakage_sensitivity.csv",
        transfer="results/{dataset}/transfer.csv" if config["transfer"] else [],
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=[
                "manifest",
                "datasheet",
                "comparison",
                "subgroups",
                "checks",
                "leakage",
                "leakage_sensitivity",
                "transfer",
                "model_card",
            ],
        ),
        code=modules("card"),
    output:
        table="results/{dataset}/{experiment}/model_card.csv",
        text="results/{dataset}/{experiment}/model_card.md",
        metadata="results/{dataset}/{experiment}/model_card.json",
        page=report(
            "results/{dataset}/{experiment}/model_card.html",
            caption="../report/card_model.rst",
            category="3 Results",
            labels={"figure": "model card", "experiment": "{experiment}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/card.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/card_model.tsv"
    wildcard_constraints:
        experiment=config["main"],
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/card.py"


rule card_checklists:
    """Fill the reporting checklists CLAIM and TRIPOD+AI from the model card."""
    input:
        card="results/{dataset}/{experiment}/model_card.csv",
        checklists=["report/claim.yaml", "report/tripod_ai.yaml"],
        schemas=expand("schemas/{table}.schema.yaml", table=["model_card", "checklists"]),
        code=modules("card_checklists"),
    output:
        table="results/{dataset}/{experiment}/checklists.csv",
        text="results/{dataset}/{experiment}/checklists.md",
        page=report(
            "results/{dataset}/{experiment}/checklists.html",
            caption="../report/card_checklists.rst",
            category="3 Results",
            labels={"figure": "CLAIM and TRIPOD+AI", "experiment": "{experiment}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/card_checklists.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/card_checklists.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        source=lookup("datasets/{dataset}/source", within=config),
        experiment=config["main"],
    script:
        "../scripts/card_checklists.py"
