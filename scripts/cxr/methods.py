"""What people call the saliency methods."""

NAMES = {"gradcam_plus_plus": "GradCAM++", "scorecam": "ScoreCAM"}


def method_name(method: str) -> str:
    """The name in figures and pages of a method of the config."""
    return NAMES.get(method, method)
