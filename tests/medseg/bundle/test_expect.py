import itertools

import numpy as np
import pytest

from medseg.bundle import departures, read_metadata, shipped_bundles
from medseg.bundle.expect import require_fitting_image
from medseg.bundle.metadata import BundleMetadata
from medseg.errors import UserError
from medseg.io import Image


@pytest.fixture(scope="module")
def metadata() -> BundleMetadata:
    """Left-right 25 to 50 mm, front-back 34 to 68 mm, head-foot 20 to 55 mm; MR."""
    return read_metadata(shipped_bundles()["hippocampus_unet"])


def image(extent_mm: tuple[int, ...], order: tuple[int, ...] = (0, 1, 2), signs: tuple[int, ...] = (1, 1, 1)) -> Image:
    """An image of 2 mm voxels that spans ``extent_mm`` of the patient, stored with its axes in another order."""
    affine = np.eye(4)
    affine[:3, :3] = 2 * np.diag(signs)[:, list(order)]
    shape = [extent_mm[axis] // 2 for axis in order]
    return Image(np.arange(np.prod(shape), dtype=np.uint16).reshape(1, *shape), affine, ".nii.gz")


orders = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("order", orders)
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_extent_counts_along_the_patients_axes(
    metadata: BundleMetadata, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    assert departures(image((36, 50, 36), order, signs), metadata) == []
    # 60 mm is fine front to back and too much left to right.
    assert departures(image((36, 60, 36), order, signs), metadata) == []
    (sentence,) = departures(image((60, 36, 36), order, signs), metadata)
    assert "spans 60 x 36 x 36 mm: crop it first" in sentence


def test_too_small_departs_as_well(metadata: BundleMetadata) -> None:
    (sentence,) = departures(image((10, 50, 36)), metadata)
    assert "spans 10 x 50 x 36 mm" in sentence


@pytest.mark.parametrize(("modality", "count"), [("MR", 0), (None, 0), ("CT", 1)])
def test_other_modality_departs_where_it_is_known(metadata: BundleMetadata, modality: str | None, count: int) -> None:
    fitting = image((36, 50, 36))
    found = departures(Image(fitting.data, fitting.affine, ".dcm", modality=modality), metadata)
    assert len(found) == count
    assert all("know MR images, this one is CT" in sentence for sentence in found)


def test_bundle_that_expects_nothing_takes_all(metadata: BundleMetadata) -> None:
    open_minded = metadata.model_copy(update={"expected_input": None})
    assert departures(image((600, 600, 600)), open_minded) == []


def test_wrong_number_of_channels_or_axes_is_refused(metadata: BundleMetadata) -> None:
    require_fitting_image(image((36, 50, 36)), metadata)
    with pytest.raises(UserError, match="takes 1 channel, got 3"):
        require_fitting_image(Image(np.zeros((3, 8, 8, 8)), np.eye(4), ".nii.gz"), metadata)
    with pytest.raises(UserError, match="takes 3D images, got a 2D one"):
        require_fitting_image(Image(np.zeros((1, 8, 8)), np.eye(3), ".png"), metadata)
