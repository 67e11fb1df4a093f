"""A model card in the terms of MONAI.

The keys are those of metadata.json in the MONAI bundle specification
(https://docs.monai.io/en/latest/mb_specification.html), as far as they fit a network of Keras:
there is no version of MONAI or PyTorch behind it. What that file has no key for is under `pleura`.
"""

from typing import Any

import pandas as pd


def metadata(
    card: pd.DataFrame, comparison: pd.DataFrame, record: dict[str, Any], side: int
) -> dict[str, Any]:
    """The model card as MONAI's metadata.json has it.

    Args:
        card: model_card.csv.
        comparison: The rows of comparison.csv of the experiment.
        record: run.json.
        side: Side of the images that the network takes, pixels.
    """
    told = {(row.section, row.item): row.value for row in card.itertuples()}
    git, versions = record["git"], record["versions"]
    backends = ("keras", "tensorflow", "tensorflow-cpu", "jax", "torch")
    return {
        "version": git["commit"] if git else "",
        "numpy_version": versions["numpy"],
        "required_packages_version": {
            name: versions[name] for name in backends if name in versions
        },
        "name": told["Model", "name"],
        "task": told["Model", "task"],
        "description": f"{told['Model', 'kind']}. {told['Intended use', 'not for']}.",
        "authors": told["Licence", "authors of the code"],
        "copyright": told["Licence", "code"],
        "data_source": told["Data", "data set"],
        "data_type": "grey images, " + told["Data", "sizes, pixels"],
        "image_classes": told["Model", "input"],
        "label_classes": "1 is pleural effusion, 0 is normal",
        "pred_classes": told["Model", "output"],
        "eval_metrics": {
            row.metric: None if pd.isna(row.value) else row.value for row in comparison.itertuples()
        },
        "intended_use": told["Intended use", "meant for"],
        "references": [told["Data", "citation"]],
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    "modality": "X-ray",
                    "num_channels": 1,
                    "spatial_shape": [side, side],
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": {"0": "grey value, each image with mean 0 and deviation 1"},
                }
            },
            "outputs": {
                "pred": {
                    "type": "probabilities",
                    "format": "classes",
                    "modality": "n/a",
                    "num_channels": 1,
                    "spatial_shape": [],
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": False,
                    "channel_def": {"0": "probability of pleural effusion"},
                }
            },
        },
        "pleura": {
            "metrics": [
                {key: None if pd.isna(value) else value for key, value in row.items()}
                for row in comparison[["metric", "value", "low", "high", "n", "seeds"]].to_dict(
                    "records"
                )
            ],
            "card": {
                section: dict(zip(part["item"], part["value"], strict=True))
                for section, part in card.groupby("section", sort=False)
            },
        },
    }
