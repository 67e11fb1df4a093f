"""Whether the data can be trusted.

INPUTS   results/<dataset>/manifest.csv, images.npy, split.csv, and predictions.csv of the main
         experiment
OUTPUTS  results/<dataset>/pairs.csv before the split, leakage.csv and leakage.png after it;
         after training leakage_sensitivity.csv, label_errors.csv, label_errors_summary.csv and
         label_errors.png
"""


rule leakage:
    """Target: the audit of the split and of the labels."""
    input:
        results("leakage.csv"),
        results("leakage.png"),
        results("leakage_sensitivity.csv"),
        results("label_errors.png"),


rule leakage_pairs:
    """Find copies, and X-rays that seem to be of one person, so that the split can keep them together."""
    input:
        manifest="results/{dataset}/manifest.csv",
        images="results/{dataset}/images.npy",
        schema="schemas/pairs.schema.yaml",
        code=modules("leakage_pairs"),
    output:
        "results/{dataset}/pairs.csv",
    log:
        "results/{dataset}/logs/leakage_pairs.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_pairs.tsv"
    conda:
        "../environment.yml"
    threads: 2
    resources:
        mem_mb=needs(2000),
        runtime=needs(60, images=0.01),
    script:
        "../scripts/leakage_pairs.py"


rule leakage_checks:
    """Check the split for patients, copies and suspected same persons in more than one part."""
    input:
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        pairs="results/{dataset}/pairs.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["manifest", "pairs", "leakage"]),
        code=modules("leakage"),
    output:
        "results/{dataset}/leakage.csv",
    log:
        "results/{dataset}/logs/leakage.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_checks.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/leakage.py"


rule leakage_figure:
    """Draw the pairs of X-rays that are copies or look like one person's."""
    input:
        checks="results/{dataset}/leakage.csv",
        pairs="results/{dataset}/pairs.csv",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        images="results/{dataset}/images.npy",
        schemas=expand("schemas/{table}.schema.yaml", table=["pairs", "leakage"]),
        code=modules("leakage_figure"),
    output:
        report(
            "results/{dataset}/leakage.png",
            caption="../report/leakage_pairs.rst",
            category="1 X-rays",
            labels={"figure": "copies and suspected same persons"},
        ),
    log:
        "results/{dataset}/logs/leakage_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/leakage_figure.py"


rule leakage_sensitivity:
    """Score again without held-out X-rays that have a relative in another part of the split."""
    input:
        predictions=results("{experiment}/seed-{seed}/predictions.csv", dataset="{dataset}"),
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        pairs="results/{dataset}/pairs.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["manifest", "pairs", "leakage_sensitivity"],
        ),
        code=modules("leakage_sensitivity"),
    output:
        "results/{dataset}/leakage_sensitivity.csv",
    log:
        "results/{dataset}/logs/leakage_sensitivity.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_sensitivity.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    params:
        experiments=[experiment for experiment in config["run"] for seed in config["seeds"]],
    script:
        "../scripts/leakage_sensitivity.py"


rule leakage_labels:
    """List the labels that the main experiment's networks contradict on images new to them."""
    input:
        predictions=expand(
            "results/{{dataset}}/{experiment}/seed-{seed}/predictions.csv",
            experiment=config["main"],
            seed=config["seeds"],
        ),
        manifest="results/{dataset}/manifest.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["label_errors", "label_errors_summary"],
        ),
        code=modules("leakage_labels"),
    output:
        errors="results/{dataset}/label_errors.csv",
        summary="results/{dataset}/label_errors_summary.csv",
    log:
        "results/{dataset}/logs/leakage_labels.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_labels.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(20),
    script:
        "../scripts/leakage_labels.py"


rule leakage_labels_figure:
    """Draw a contact sheet of the likeliest label errors."""
    input:
        errors="results/{dataset}/label_errors.csv",
        summary="results/{dataset}/label_errors_summary.csv",
        manifest="results/{dataset}/manifest.csv",
        images="results/{dataset}/images.npy",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=["label_errors", "label_errors_summary"],
        ),
        code=modules("leakage_labels_figure"),
    output:
        report(
            "results/{dataset}/label_errors.png",
            caption="../report/leakage_labels.rst",
            category="1 X-rays",
            labels={"figure": "likely label errors"},
        ),
    log:
        "results/{dataset}/logs/leakage_labels_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/leakage_labels_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        experiment=config["main"],
    script:
        "../scripts/leakage_labels_figure.py"
