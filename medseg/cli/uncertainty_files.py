from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medseg.bundle import Prediction
    from medseg.io import Image

MAPS = ("entropy", "mutual_information")


def uncertainty_suffix(image: "Image") -> str:
    """Suffix of the files of real numbers for ``image``: that of its label, but NRRD for PNG, which holds none."""
    from medseg.io import label_suffix

    suffix = label_suffix(image)
    return ".nrrd" if suffix == ".png" else suffix


def uncertainty_files(output: Path, name: str) -> list[Path]:
    """The maps of uncertainty of case ``name`` that are in the folder already, whatever their format."""
    from medseg.io import WRITABLE_SUFFIXES

    paths = (output / f"{name}_{kind}{suffix}" for kind in MAPS for suffix in WRITABLE_SUFFIXES)
    return [path for path in paths if path.exists()]


def write_uncertainty(output: Path, name: str, prediction: "Prediction", image: "Image") -> list[Path]:
    """Write ``NAME_entropy`` and, where there was more than one prediction, ``NAME_mutual_information``.

    They are float32 in the geometry of the image.

    Raises:
        UserError: a file cannot be written.
    """
    from dataclasses import replace

    from medseg.io import write_image

    written = []
    for kind, values in zip(MAPS, (prediction.entropy, prediction.mutual_information), strict=True):
        if values is not None:
            written.append(output / f"{name}_{kind}{uncertainty_suffix(image)}")
            write_image(written[-1], replace(image, data=values[None], modality=None))
    return written
