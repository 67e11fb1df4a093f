"""What is known of a data set, and what is not.

INPUTS   results/<dataset>/manifest.csv, rejected.csv, boxes.csv, split.csv, leakage.csv and
         label_errors_summary.csv
OUTPUTS  results/<dataset>/datasheet.csv, and the same to read, datasheet.md and datasheet.html
"""


rule datasheet:
    """Target: the data sheet of the data set."""
    input:
        results("datasheet.html"),


rule datasheet_tables:
    """Describe the data set: origin, counts, patients, labels, rejections, copies, licence."""
    input:
        manifest="results/{dataset}/manifest.csv",
        rejected="results/{dataset}/rejected.csv",
        boxes="results/{dataset}/boxes.csv",
        split="results/{dataset}/split.csv",
        leakage="results/{dataset}/leakage.csv",
        errors="results/{dataset}/label_errors_summary.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=[
                "manifest",
                "rejected",
                "boxes",
                "leakage",
                "label_errors_summary",
                "datasheet",
            ],
        ),
        code=modules("datasheet"),
    output:
        table="results/{dataset}/datasheet.csv",
        text="results/{dataset}/datasheet.md",
        page=report(
            "results/{dataset}/datasheet.html",
            caption="../report/datasheet_tables.rst",
            category="1 X-rays",
            labels={"figure": "data sheet"},
        ),
    log:
        "results/{dataset}/logs/datasheet.log",
    benchmark:
        "results/{dataset}/benchmarks/datasheet_tables.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        dataset=lookup("datasets/{dataset}", within=config),
        image=config["image"],
    script:
        "../scripts/datasheet.py"
