from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medseg.bundle.ensemble import require_members, shared_postprocessing
from medseg.bundle.expect import require_fitting_image
from medseg.bundle.load import LoadedBundle
from medseg.bundle.outputs import network_outputs
from medseg.errors import UserError, first_line
from medseg.inference.postprocess import postprocess
from medseg.io import Image

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Prediction:
    """What bundles say of an image, voxel for voxel.

    Attributes:
        label: unsigned integers of the smallest type that holds them, the shape of the image.
        probabilities: float32, ``(C, ...)``, mean over members and mirror images; of an instance bundle the first
            channel alone is one. None of a bundle that makes labels before it comes back to the image's grid, or whose
            channels are no probabilities.
        entropy: predictive entropy, float32 from 0 to 1 (``medseg.inference.mixture``); None unless asked for.
        mutual_information: disagreement of members and mirror images, in the same unit; None where there was only one.
    """

    label: np.ndarray
    probabilities: np.ndarray | None = None
    entropy: np.ndarray | None = None
    mutual_information: np.ndarray | None = None


def predict(
    bundles: Sequence[LoadedBundle], image: Image, *, mirror: bool = False, uncertainty: bool = False
) -> Prediction:
    """Segment an image with one bundle, or with the mean of the probabilities of several.

    Args:
        bundles: of one task. Labels are made of the mean by the postprocessing of the first.
        image: what to segment.
        mirror: take the mean over mirror images too, along the axes that training mirrored.
        uncertainty: give entropy and mutual information as well.

    Raises:
        UserError: the bundles do not go together or were not made for what is asked, the image does not fit a network,
            or a bundle does not come back to the image's own grid.
    """
    import torch

    from medseg.inference.mixture import Mixture

    require_members(bundles, mirror=mirror, uncertainty=uncertainty)
    for bundle in bundles:
        require_fitting_image(image, bundle.metadata)
    mixture = Mixture(bundles[0].channels if uncertainty else None)
    first: dict[str, Any] = {}
    for bundle in bundles:
        with _named_failure(bundle), torch.inference_mode():
            for item in network_outputs(bundle, image, mirror):
                probabilities = bundle.to_probabilities(_tempered(item, bundle.temperature))
                if uncertainty or len(bundles) > 1:
                    _require_grid(probabilities["pred"].shape[1:], image, bundle)
                if bundle.channels == "classes":
                    _fill_outside(probabilities["pred"])
                mixture.add(probabilities["pred"])
                first = first or probabilities
    leader = bundles[0]
    with _named_failure(leader), torch.inference_mode():
        label = np.asarray(leader.to_label({**first, "pred": mixture.mean})["pred"].cpu())
    return Prediction(
        _finished(_integers(label, image, leader), bundles),
        probabilities=_probabilities(mixture.mean, image, leader),
        entropy=_array(mixture.entropy()) if uncertainty else None,
        mutual_information=_array(mixture.mutual_information()) if uncertainty and mixture.count > 1 else None,
    )


def _tempered(item: dict[str, Any], temperature: float | None) -> dict[str, Any]:
    return item if temperature is None else {**item, "pred": item["pred"] / temperature}


def _finished(label: np.ndarray, bundles: Sequence[LoadedBundle]) -> np.ndarray:
    chosen = shared_postprocessing(bundles)
    if not (chosen.largest_component or chosen.fill_holes):
        return label
    return postprocess(label, chosen.largest_component, chosen.fill_holes)


def _integers(label: np.ndarray, image: Image, bundle: LoadedBundle) -> np.ndarray:
    """The one channel of ``label`` as unsigned integers.

    Raises:
        UserError: it has several, another shape than the image, or values that are no labels.
    """
    _require_grid(label.shape[1:] if len(label) == 1 else label.shape, image, bundle)
    low, high = label.min(), label.max()
    if low < 0 or (label.dtype.kind == "f" and not np.array_equal(label, np.rint(label))):
        raise UserError(f"bundle `{bundle.name}` gave values that are no labels: its postprocessing needs an argmax")
    return np.asarray(label[0], dtype=np.min_scalar_type(int(high)))


def _require_grid(shape: Sequence[int], image: Image, bundle: LoadedBundle) -> None:
    if tuple(shape) != image.spatial_shape:
        raise UserError(
            f"bundle `{bundle.name}` gave a label of shape {tuple(shape)} for an image of shape "
            f"{image.spatial_shape}: its postprocessing needs Invertd and an argmax"
        )


def _fill_outside(probabilities: "Tensor") -> None:
    """Background for what a bundle cropped away, where inverting the crop leaves no probability of any class."""
    probabilities[0] = probabilities[0].where(probabilities.sum(0) != 0, 1)


def _probabilities(mean: "Tensor", image: Image, bundle: LoadedBundle) -> np.ndarray | None:
    if bundle.channels is None or tuple(mean.shape[1:]) != image.spatial_shape:
        return None
    values = _array(mean)
    # At the border of such a crop, interpolation leaves less than 1.
    return values / values.sum(0) if bundle.channels == "classes" else values


def _array(tensor: "Tensor") -> np.ndarray:
    return np.asarray(tensor.cpu(), dtype=np.float32)


@contextmanager
def _named_failure(bundle: LoadedBundle) -> Iterator[None]:
    """Failures of a bundle's transforms and network as a sentence; our own sentences pass."""
    try:
        yield
    except UserError:
        raise
    except (RuntimeError, ValueError, MemoryError) as error:
        raise UserError(f"bundle `{bundle.name}` failed on it: {first_line(error)}") from error
