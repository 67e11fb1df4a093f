"""A phantom: simulated frontal chest radiographs, with and without pleural effusion.

Nothing here is clinical data. `draw_dataset` and, for its images with and without a planted
shortcut, `draw_pairs` are the whole public interface; the modules, in the order in which an image
comes about:

- `cohort`: how many images each patient has, and which of them show an effusion;
- `patient`: the anatomy of a patient, drawn once and kept for all of their images;
- `exam`: what changes from image to image (pose, breath, fluid, exposure, tubes);
- `pose`: from detector pixels to centimetres in the patient, and back;
- `thorax`: the cavity, the diaphragm, and the paths through lung and fluid in closed form;
- `texture`, `canvas`: random fields; drawing in centimetres;
- `anatomy`: soft tissue, heart, mediastinum, breasts and gas as thickness maps;
- `skeleton`, `vessels`, `devices`: what is drawn as outlines and lines;
- `beam`: attenuation, scatter, noise and the display curve;
- `shortcut`: a mark that tells the label, where one is planted;
- `render`: puts one image together; `scene`: all of a patient's; `dataset`: on disk.
"""

from cxr.phantom.dataset import draw_dataset
from cxr.phantom.scene import draw_pairs

__all__ = ["draw_dataset", "draw_pairs"]
