"""Everything on one page.

INPUTS   the tables and figures of all other stages, results/<dataset>/run.json, report/
OUTPUTS  results/<dataset>/report.rst, the start page, times.csv, times.png and report.html. Which
         figures the report shows, under which heading and with which caption, the rules say that
         draw them.
"""


rule report:
    """Target: the report."""
    input:
        results("report.html"),


rule report_page:
    """Write the report's start page: what was run, on what, the numbers and their limits."""
    input:
        record="results/{dataset}/run.json",
        manifest="results/{dataset}/manifest.csv",
        rejected="results/{dataset}/rejected.csv",
        split="results/{dataset}/split.csv",
        comparison="results/{dataset}/comparison.csv",
        scores=results("{experiment}/seed-{seed}/metrics.json", dataset="{dataset}"),
        summaries=expand(
            "results/{{dataset}}/inspect/{experiment}_summary.txt", experiment=config["run"]
        ),
        agreements=expand(
            "results/{{dataset}}/{experiment}/{run}/saliency/agreement_summary.csv",
            experiment=config["run"],
            run=RUNS[0],
        ),
        checks=of_main("{experiment}/{run}/audit-quick/checks.csv"),
        leakage="results/{dataset}/leakage.csv",
        sensitivity="results/{dataset}/leakage_sensitivity.csv",
        errors="results/{dataset}/label_errors_summary.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=[
                "manifest",
                "rejected",
                "split",
                "comparison",
                "agreement_summary",
                "checks",
                "leakage",
                "leakage_sensitivity",
                "label_errors_summary",
            ],
        ),
        code=modules("report"),
    output:
        "results/{dataset}/report.rst",
    log:
        "results/{dataset}/logs/report_page.log",
    benchmark:
        "results/{dataset}/benchmarks/report_page.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/report.py"


rule report_times:
    """Add up where the time went, once all other jobs are done."""
    input:
        page="results/{dataset}/report.rst",
        results=[
            *rules.card.input,
            *rules.datasheet.input,
            *rules.inspect.input,
            *rules.leakage.input,
            *rules.evaluate.input,
            *rules.subgroups.input,
            *rules.saliency.input,
            *rules.audit_quick.input,
            *rules.compare.input,
            *rules.transfer.input,
        ],
        pages=ancient(
            expand("results/{{dataset}}/{page}.html", page=["quiz", "explore", "predict"])
        ),
        schema="schemas/times.schema.yaml",
        code=modules("report_times"),
    output:
        table="results/{dataset}/times.csv",
        figure=report(
            "results/{dataset}/times.png",
            caption="../report/report_times.rst",
            category="5 Run",
            labels={"figure": "where the time went"},
        ),
    log:
        "results/{dataset}/logs/report_times.log",
    benchmark:
        "results/{dataset}/benchmarks/report_times.tsv"
    wildcard_constraints:
        dataset=config["dataset"],
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        benchmarks=benchmarks(),
    script:
        "../scripts/report_times.py"


rule report_html:
    """Put the start page and all figures into one file that needs no network."""
    input:
        record="results/{dataset}/run.json",
        page="results/{dataset}/report.rst",
        results=[*rules.report_times.input.results, "results/{dataset}/times.png"],
        pages=rules.report_times.input.pages,
        captions=expand(
            "report/{caption}.rst", caption=glob_wildcards("report/{caption}.rst").caption
        ),
        marks=expand("rules/{stage}.smk", stage=glob_wildcards("rules/{stage}.smk").stage),
        stylesheet="report/style.css",
        code=modules("report_html"),
    output:
        "results/{dataset}/report.html",
    log:
        "results/{dataset}/logs/report_html.log",
    benchmark:
        "results/{dataset}/benchmarks/report_html.tsv"
    wildcard_constraints:
        dataset=config["dataset"],
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/report_html.py"
