"""pleura: learn to detect pleural effusion in chest X-rays, from raw images to metrics.

Usage: snakemake --cores 4 [stage] [--config dataset=chest_xrays] [--configfile mine.yaml]
Config: config.yaml, described key by key in docs/config.md. Results: results/README.md.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/acquire.smk"
include: "rules/manifest.smk"
include: "rules/preprocess.smk"
include: "rules/leakage.smk"
include: "rules/split.smk"
include: "rules/train.smk"
include: "rules/baselines.smk"
include: "rules/evaluate.smk"
include: "rules/subgroups.smk"
include: "rules/control.smk"
include: "rules/compare.smk"
include: "rules/transfer.smk"
include: "rules/datasheet.smk"
include: "rules/inspect.smk"
include: "rules/saliency.smk"
include: "rules/audit.smk"
include: "rules/quiz.smk"
include: "rules/explore.smk"
include: "rules/predict.smk"
include: "rules/onnx.smk"
include: "rules/run.smk"
include: "rules/card.smk"
include: "rules/report.smk"


report: results("report.rst")[0]


localrules:
    all,
    acquire,
    manifest,
    preprocess,
    leakage,
    split,
    train,
    baselines,
    evaluate,
    subgroups,
    compare,
    transfer,
    control,
    datasheet,
    inspect,
    saliency,
    audit,
    audit_quick,
    quiz,
    explore,
    predict,
    onnx,
    card,
    report,
    report_times,
    report_html,


rule all:
    """Everything for the data set that the config chooses."""
    default_target: True
    input:
        rules.leakage.input,
        rules.evaluate.input,
        rules.subgroups.input,
        rules.compare.input,
        rules.transfer.input,
        rules.datasheet.input,
        rules.inspect.input,
        rules.saliency.input,
        rules.audit_quick.input,
        rules.quiz.input,
        rules.explore.input,
        rules.card.input,
        rules.report.input,
