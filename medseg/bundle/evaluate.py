from pathlib import Path

from medseg.bundle.load import LoadedBundle
from medseg.bundle.segment import segment
from medseg.errors import UserError
from medseg.io import read_image, read_label, require_same_geometry
from medseg.metrics import ClassScore, score_case


def score_files(bundle: LoadedBundle, image_path: Path, label_path: Path, tolerance_mm: float) -> dict[str, ClassScore]:
    """Segment an image and score it against its label, in the image's own geometry, by class name.

    Raises:
        UserError: a file cannot be read, the two differ in geometry, the image does not fit the network, or the label
            holds a value that is no class of the bundle; the sentence names the file.
    """
    image, label = read_image(image_path), read_label(label_path)
    require_same_geometry(image, label, f"`{image_path}`", f"`{label_path}`")
    try:
        prediction = segment(bundle, image)
    except UserError as error:
        raise UserError(f"`{image_path}`: {error}") from error
    try:
        return score_case(prediction, label.data[0], image.spacing, bundle.metadata.classes, tolerance_mm)
    except UserError as error:
        raise UserError(f"`{label_path}`: {error}") from error
