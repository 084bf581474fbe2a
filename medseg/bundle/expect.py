from medseg.bundle.metadata import BundleMetadata
from medseg.errors import UserError
from medseg.io import Image

_LONGEST_MM = 3000.0


def require_fitting_image(image: Image, metadata: BundleMetadata) -> None:
    """Refuse an image the network cannot take at all.

    Raises:
        UserError: the number of spatial dimensions or of channels differs, or the extent is beyond reason.
    """
    wanted = metadata.image
    dims = len(image.spatial_shape)
    if dims != len(wanted.spatial_shape):
        raise UserError(f"the bundle takes {len(wanted.spatial_shape)}D images, got a {dims}D one")
    if image.channels not in metadata.channels:
        hint = " (a fourth axis of a volume counts as channels)" if dims == 3 else ""
        taken = " or ".join(map(str, metadata.channels))
        raise UserError(f"the bundle takes {taken} channel{'s' * (taken != '1')}, got {image.channels}{hint}")
    if dims == 3 and max(image.extent_mm) > _LONGEST_MM:
        raise UserError(
            f"the image spans {' x '.join(f'{size:.0f}' for size in image.extent_mm)} mm, more than any patient: "
            f"its spacing of {' x '.join(f'{size:g}' for size in image.spacing)} mm cannot be right"
        )


def departures(image: Image, metadata: BundleMetadata) -> list[str]:
    """How ``image`` departs from what the weights have seen in training, a sentence each; empty where it does not.

    The extent is compared along the patient's axes, however the voxels are stored. The modality is known of DICOM only.
    """
    found = []
    if image.data.min() == image.data.max():
        found.append("all its voxels have one value")
    expected = metadata.expected_input
    if expected is None:
        return found
    if expected.modality and image.modality and image.modality != expected.modality:
        found.append(f"the weights know {expected.modality} images, this one is {image.modality}")
    if expected.extent_mm is not None:
        extent = _along_patient_axes(image)
        low, high = expected.extent_mm.min, expected.extent_mm.max
        if any(not lo <= size <= hi for lo, size, hi in zip(low, extent, high, strict=False)):
            found.append(
                f"the weights know {expected.field_of_view or 'another field of view'}, "
                f"this image spans {' x '.join(f'{size:.0f}' for size in extent)} mm: crop it first"
            )
    return found


def _along_patient_axes(image: Image) -> list[float]:
    """Extent in millimetres along left-right, front-back and head-foot, by the nearest voxel axis; as stored in 2D."""
    if not image.orientation:
        return list(image.extent_mm)
    size_of = dict(zip(image.orientation, image.extent_mm, strict=True))
    return [size for axis in ("LR", "AP", "SI") for code, size in size_of.items() if code in axis]
