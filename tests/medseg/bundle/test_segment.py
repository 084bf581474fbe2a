from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import LoadedBundle, segment
from medseg.errors import UserError
from medseg.io import Image, read_image, require_same_geometry, write_image, write_label

Make = Callable[..., Image]


def rotation(degrees: float) -> np.ndarray:
    """A turn about no axis of the world."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.array([1.0, 0.5, -0.3]) * degrees, degrees=True).as_matrix()
    return matrix


def reordered(image: Image, order: tuple[int, ...], flipped: tuple[int, ...]) -> Image:
    """The same image with its voxels stored in another order."""
    data = image.data.transpose(0, *(axis + 1 for axis in order))
    step = np.eye(4)[:, [*order, 3]]
    for axis in flipped:
        data = np.flip(data, axis + 1)
        flip = np.eye(4)
        flip[axis, axis], flip[axis, 3] = -1, data.shape[axis + 1] - 1
        step = step @ flip
    return replace(image, data=np.ascontiguousarray(data), affine=image.affine @ step)


affines = {
    "identity": np.eye(4),
    "anisotropic": np.diag([0.8, 1.2, 2.5, 1.0]),
    "fine": np.diag([0.6, 0.6, 0.6, 1.0]),
    "flipped": np.diag([-1.0, 1.0, -1.5, 1.0]),
    "permuted": np.eye(4)[[1, 2, 0, 3]],
    "oblique": rotation(25) @ np.diag([0.9, 1.1, 1.4, 1.0]),
    "far off": np.array([[1, 0, 0, -812.5], [0, 1, 0, 330.25], [0, 0, 1, 99.0], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("affine", affines.values(), ids=affines.keys())
def test_label_lies_on_the_voxels_of_the_image(
    loaded: LoadedBundle, volume: Make, affine: np.ndarray, tmp_path: Path
) -> None:
    image = volume((23, 31, 19), affine)
    label = segment(loaded, image)
    assert label.shape == (23, 31, 19)
    assert label.dtype == np.uint8
    assert set(np.unique(label)) == {0, 1, 2}
    write_image(tmp_path / "image.nii.gz", image)
    stored = read_image(tmp_path / "image.nii.gz")
    write_label(tmp_path / "label.nii.gz", label, stored)
    require_same_geometry(stored, read_image(tmp_path / "label.nii.gz"))


def test_image_smaller_than_the_window_and_larger_than_it_both_fit(loaded: LoadedBundle, volume: Make) -> None:
    for shape in ((7, 5, 9), (50, 60, 45)):
        assert segment(loaded, volume(shape)).shape == shape


@pytest.mark.parametrize("affine", [affines["anisotropic"], affines["oblique"]], ids=["anisotropic", "oblique"])
def test_file_format_does_not_matter(loaded: LoadedBundle, volume: Make, affine: np.ndarray, tmp_path: Path) -> None:
    labels = []
    for name in ("image.nii.gz", "image.nrrd", "image.mha"):
        write_image(tmp_path / name, volume((23, 31, 19), affine))
        labels.append(segment(loaded, read_image(tmp_path / name)))
    require_alike(labels[0], labels[1])
    require_alike(labels[0], labels[2])


@pytest.mark.parametrize("affine", [affines["identity"], affines["anisotropic"]], ids=["isotropic", "anisotropic"])
@pytest.mark.parametrize(
    ("order", "flipped"),
    [((0, 1, 2), (0,)), ((0, 1, 2), (0, 1, 2)), ((2, 0, 1), ()), ((1, 0, 2), (2,)), ((2, 1, 0), (0, 1))],
)
def test_order_of_the_stored_voxels_does_not_matter(
    loaded: LoadedBundle, volume: Make, affine: np.ndarray, order: tuple[int, ...], flipped: tuple[int, ...]
) -> None:
    image = volume((23, 31, 19), affine)
    expected = reordered(Image(segment(loaded, image)[np.newaxis], affine, ".nii.gz"), order, flipped)
    require_alike(segment(loaded, reordered(image, order, flipped)), expected.data[0])


@pytest.mark.parametrize("degrees", [10, 30])
def test_turning_the_patient_in_the_scanner_changes_no_voxel(
    loaded: LoadedBundle, volume: Make, degrees: float
) -> None:
    spacing = affines["anisotropic"]
    straight, turned = volume((23, 31, 19), spacing), volume((23, 31, 19), rotation(degrees) @ spacing)
    require_alike(segment(loaded, turned), segment(loaded, straight))


def test_mirrored_anatomy_gives_another_label(loaded: LoadedBundle, volume: Make) -> None:
    # The same voxels with a mirrored affine are another patient: geometry is part of the image.
    image = volume((23, 31, 19))
    mirrored = replace(image, affine=np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert (segment(loaded, image) != segment(loaded, mirrored)).mean() > 0.01


def test_integer_voxels_are_taken_for_what_they_are(loaded: LoadedBundle, volume: Make) -> None:
    image = volume()
    whole = replace(image, data=image.data.astype(np.int16))
    require_alike(segment(loaded, whole), segment(loaded, replace(whole, data=whole.data.astype(np.float64))))


def test_unfitting_image_is_refused(loaded: LoadedBundle) -> None:
    with pytest.raises(UserError, match="takes 1 channel, got 2"):
        segment(loaded, Image(np.zeros((2, 8, 8, 8)), np.eye(4), ".nii.gz"))
    with pytest.raises(UserError, match="takes 3D images, got a 2D one"):
        segment(loaded, Image(np.zeros((1, 8, 8)), np.eye(3), ".png"))


def test_bundle_that_does_not_come_back_to_the_image_is_refused(loaded: LoadedBundle, volume: Make) -> None:
    from monai.transforms import Compose, Invertd

    kept = [transform for transform in loaded.to_probabilities.transforms if not isinstance(transform, Invertd)]
    broken = replace(loaded, to_probabilities=Compose(kept))
    with pytest.raises(UserError, match="its postprocessing needs Invertd and an argmax"):
        segment(broken, volume((23, 31, 19), affines["anisotropic"]))


def require_alike(label: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for ties: positions round differently, and the argmax of random weights is a close call."""
    assert label.shape == expected.shape
    assert np.count_nonzero(label != expected) <= 1e-3 * label.size
