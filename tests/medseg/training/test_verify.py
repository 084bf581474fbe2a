from dataclasses import replace

import numpy as np
import pytest

from medseg.bundle import BundleMetadata, read_metadata, shipped_bundles
from medseg.errors import UserError
from medseg.io import read_image, read_label, write_image, write_label
from medseg.training.dataset import Case
from medseg.training.verify import verify_case


@pytest.fixture(scope="module")
def metadata() -> BundleMetadata:
    return read_metadata(shipped_bundles()["hippocampus_unet"])


def test_sound_case_passes(case: Case, metadata: BundleMetadata) -> None:
    verify_case(case, metadata)


def test_label_on_other_voxels_is_refused(case: Case, metadata: BundleMetadata) -> None:
    image, label = read_image(case.image), read_label(case.label)
    write_label(case.label, label.data[0], replace(image, affine=image.affine @ np.diag([1, 1, 1.1, 1]), header=None))
    with pytest.raises(UserError, match=r"must lie where .* lies"):
        verify_case(case, metadata)


def test_unknown_class_is_named_beside_the_known_ones(case: Case, metadata: BundleMetadata) -> None:
    label = read_label(case.label)
    voxels = label.data[0].copy()
    voxels[0, 0, 0] = 7
    write_label(case.label, voxels, label)
    with pytest.raises(UserError, match=r"holds 7; the classes .* are 1 \(anterior\), 2 \(posterior\)"):
        verify_case(case, metadata)


def test_wrong_number_of_channels_names_the_file(case: Case, metadata: BundleMetadata) -> None:
    image = read_image(case.image)
    write_image(case.image, replace(image, data=np.concatenate([image.data] * 2), header=None))
    with pytest.raises(UserError, match=f"`{case.image}`: the bundle takes 1 channel, got 2"):
        verify_case(case, metadata)


def test_damaged_image_is_refused(case: Case, metadata: BundleMetadata) -> None:
    case.image.write_bytes(case.image.read_bytes()[:400])
    with pytest.raises(UserError, match="damaged"):
        verify_case(case, metadata)
