"""The saliency methods by their names in the config: what people call them, what kind they are."""

NAMES = {
    "gradcam": "GradCAM",
    "gradcam_plus_plus": "GradCAM++",
    "layercam": "LayerCAM",
    "scorecam": "ScoreCAM",
    "smoothgrad": "SmoothGrad",
    "occlusion": "Occlusion",
    "edges": "Edge detector",
    "random": "Random map",
}
CAMS = ("gradcam", "gradcam_plus_plus", "layercam", "scorecam")  # weigh the channels of a layer
SLOW = ("smoothgrad", "occlusion")  # see each image more than a hundred times
CONTROLS = ("edges", "random")  # know nothing of the network: bound to fail the right checks


def method_name(method: str) -> str:
    """The name in figures and pages of a method of the config."""
    return NAMES.get(method, method)
