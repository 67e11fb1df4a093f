"""How far each saliency method can be trusted.

INPUTS   results/<dataset>/<main>/<run>/model.keras of the main experiment, images.npy, manifest.csv,
         split.csv and boxes.csv of the data set
OUTPUTS  in results/<dataset>/<main>/<run>/audit/, and for the smaller audit of a normal run in
         audit-quick/: sanity.csv, faithfulness.csv, localisation.csv, checks.csv and verdict.png;
         for data sets with a planted shortcut also shortcut.csv, shortcut_use.csv, shortcut.npy and
         shortcut.png; in audit/ alone: permutation-<permutation>/ with model.keras, history.csv and
         predictions.csv, and sanity.png
"""


rule audit:
    """Target: the verdict on each saliency method for the main experiment's first network."""
    input:
        results(
            "{experiment}/{run}/audit/{figure}.png",
            experiment=config["main"],
            run=RUNS[:1],
            figure=["sanity", *AUDIT_FIGURES],
        ),


rule audit_quick:
    """Target: the same by fewer images and draws, as in a normal run."""
    input:
        results(
            "{experiment}/{run}/audit-quick/{figure}.png",
            experiment=config["main"],
            run=RUNS[:1],
            figure=AUDIT_FIGURES,
        ),


rule audit_memorise:
    """Train a network of the same form until it knows permuted labels by heart."""
    input:
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/predictions.schema.yaml",
        code=modules("train"),
    output:
        model="results/{dataset}/{experiment}/{run}/audit/permutation-{permutation}/model.keras",
        history="results/{dataset}/{experiment}/{run}/audit/permutation-{permutation}/history.csv",
        predictions="results/{dataset}/{experiment}/{run}/audit/permutation-{permutation}/predictions.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/audit_permutation-{permutation}.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/audit/audit_memorise-{permutation}.tsv"
    wildcard_constraints:
        permutation=r"\d+",
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=needs(3000, images=1),
        runtime=needs(240, images=0.05),
        gpu=0,
    params:
        recipe=memorising_recipe,
        backend=config["backend"],
        seed=seed_of,
        fold=fold_of,
        name="{experiment}, permuted labels by heart",
    script:
        "../scripts/train.py"


rule audit_sanity:
    """Measure whether maps change with the network, and stay where nothing that matters changes."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        seeds=other_seeds,
        permuted=memorised("model.keras"),
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/sanity.schema.yaml",
        code=modules("audit_sanity"),
    output:
        "results/{dataset}/{experiment}/{run}/{audit}/sanity.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_sanity.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_sanity.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(120),
    params:
        fold=fold_of,
        methods=AUDITED,
        number=audited("images"),
        slow=audited("slow_images"),
        draws=audited("draws"),
        whole=lambda wildcards: not QUICK[wildcards.audit],
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/audit_sanity.py"


rule audit_sanity_figure:
    """Draw how maps change as layer after layer is drawn anew."""
    input:
        sanity="results/{dataset}/{experiment}/{run}/audit/sanity.csv",
        schema="schemas/sanity.schema.yaml",
        code=modules("audit_sanity_figure"),
    output:
        report(
            "results/{dataset}/{experiment}/{run}/audit/sanity.png",
            caption="../report/audit_sanity.rst",
            category="4 Saliency",
            labels={"figure": "randomisation", "experiment": "{experiment}", "run": "{run}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/{run}/audit_sanity_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/audit/audit_sanity_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/audit_sanity_figure.py"


rule audit_faithfulness:
    """Measure whether the network changes its mind where a map says that it looks."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schema="schemas/faithfulness.schema.yaml",
        code=modules("audit_faithfulness"),
    output:
        "results/{dataset}/{experiment}/{run}/{audit}/faithfulness.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_faithfulness.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_faithfulness.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(120),
    params:
        fold=fold_of,
        methods=AUDITED,
        number=audited("slow_images"),
        target=config["saliency"]["target"],
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/audit_faithfulness.py"


rule audit_localisation:
    """Measure whether maps show the place of the effusion, where it is known."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        boxes="results/{dataset}/boxes.csv",
        masks=config["audit"]["masks"] or [],
        schemas=expand("schemas/{table}.schema.yaml", table=["boxes", "localisation"]),
        code=modules("audit_localisation"),
    output:
        "results/{dataset}/{experiment}/{run}/{audit}/localisation.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_localisation.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_localisation.tsv"
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(120),
    params:
        fold=fold_of,
        masks=config["audit"]["masks"],
        content=content_of(config["audit"]["masks"]),
        methods=AUDITED,
        number=audited("images"),
        slow=audited("slow_images"),
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/audit_localisation.py"


rule audit_shortcut:
    """Measure whether the network uses the planted mark, and whether maps show that."""
    input:
        model="results/{dataset}/{experiment}/{run}/model.keras",
        images="results/{dataset}/images.npy",
        manifest="results/{dataset}/manifest.csv",
        split="results/{dataset}/split.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["shortcut", "shortcut_use"]),
        code=modules("audit_shortcut"),
    output:
        use="results/{dataset}/{experiment}/{run}/{audit}/shortcut_use.csv",
        table="results/{dataset}/{experiment}/{run}/{audit}/shortcut.csv",
        maps="results/{dataset}/{experiment}/{run}/{audit}/shortcut.npy",
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_shortcut.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_shortcut.tsv"
    wildcard_constraints:
        dataset=any_of(PLANTED),
    conda:
        "../environment.yml"
    threads: lookup("experiments/{experiment}/threads", within=config)
    resources:
        mem_mb=memory_for_maps,
        runtime=needs(120),
    params:
        fold=fold_of,
        phantom=drawn_again,
        resize=config["image"]["resize"],
        methods=AUDITED,
        number=audited("images"),
        slow=audited("slow_images"),
        layer=config["saliency"]["layer"],
        memory=config["saliency"]["memory"],
        threads=lookup("experiments/{experiment}/threads", within=config),
    script:
        "../scripts/audit_shortcut.py"


rule audit_checks:
    """Judge each method by each check."""
    input:
        sanity="results/{dataset}/{experiment}/{run}/{audit}/sanity.csv",
        faithfulness="results/{dataset}/{experiment}/{run}/{audit}/faithfulness.csv",
        localisation="results/{dataset}/{experiment}/{run}/{audit}/localisation.csv",
        memorised=memorised("predictions.csv"),
        shortcut=shortcut_tables,
        manifest="results/{dataset}/manifest.csv",
        schemas=expand(
            "schemas/{table}.schema.yaml",
            table=[
                "checks",
                "faithfulness",
                "localisation",
                "predictions",
                "sanity",
                "shortcut",
                "shortcut_use",
            ],
        ),
        code=modules("audit_checks"),
    output:
        "results/{dataset}/{experiment}/{run}/{audit}/checks.csv",
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_checks.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_checks.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        methods=AUDITED,
    script:
        "../scripts/audit_checks.py"


rule audit_figure:
    """Draw the verdict on each method by each check."""
    input:
        checks="results/{dataset}/{experiment}/{run}/{audit}/checks.csv",
        schema="schemas/checks.schema.yaml",
        code=modules("audit_figure"),
    output:
        report(
            "results/{dataset}/{experiment}/{run}/{audit}/verdict.png",
            caption="../report/audit_verdict.rst",
            category="4 Saliency",
            labels={"figure": "verdict", "experiment": "{experiment}", "run": "{run}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        quick=lambda wildcards: QUICK[wildcards.audit],
        images=audited("images"),
        draws=audited("draws"),
    script:
        "../scripts/audit_figure.py"


rule audit_shortcut_figure:
    """Draw whether the network uses the planted mark, and whether maps show that."""
    input:
        table="results/{dataset}/{experiment}/{run}/{audit}/shortcut.csv",
        use="results/{dataset}/{experiment}/{run}/{audit}/shortcut_use.csv",
        maps="results/{dataset}/{experiment}/{run}/{audit}/shortcut.npy",
        checks="results/{dataset}/{experiment}/{run}/{audit}/checks.csv",
        schemas=expand("schemas/{table}.schema.yaml", table=["checks", "shortcut", "shortcut_use"]),
        code=modules("audit_shortcut_figure"),
    output:
        report(
            "results/{dataset}/{experiment}/{run}/{audit}/shortcut.png",
            caption="../report/audit_shortcut.rst",
            category="4 Saliency",
            labels={"figure": "shortcut", "experiment": "{experiment}", "run": "{run}"},
        ),
    log:
        "results/{dataset}/logs/{experiment}/{run}/{audit}_shortcut_figure.log",
    benchmark:
        "results/{dataset}/benchmarks/{experiment}/{run}/{audit}/audit_shortcut_figure.tsv"
    conda:
        "../environment.yml"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    script:
        "../scripts/audit_shortcut_figure.py"
