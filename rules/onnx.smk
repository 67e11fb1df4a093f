"""Networks for other programs.

INPUTS   results/<dataset>/<experiment>/<run>/model.keras
OUTPUTS  results/<dataset>/<experiment>/<run>/model.onnx
"""


rule onnx:
    """Target: the first network of each experiment in ONNX; not part of a normal run."""
    input:
        results("{experiment}/{run}/model.onnx", run=RUNS[:1]),


rule onnx_export:
    """Write a network in ONNX, which other programs and languages can run."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        code=modules("onnx_export"),
    output:
        "results/{dataset}/{experiment}/{run}/model.onnx",
    log:
        "results/{dataset}/logs/{experiment}/{run}/onnx_export.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/onnx_export.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/onnx_export.py"
