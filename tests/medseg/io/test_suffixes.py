import numpy as np
import pytest

from medseg.io import WRITABLE_SUFFIXES, Image, case_name, image_suffix, label_suffix


@pytest.mark.parametrize(
    ("path", "name", "suffix"),
    [
        ("in/hippocampus_001.nii.gz", "hippocampus_001", ".nii.gz"),
        ("a.b.NII", "a.b", ".nii"),
        ("brain.seg.nrrd", "brain.seg", ".nrrd"),
        ("1.2.840.113", "1.2.840.113", ""),
        ("archive.gz", "archive.gz", ""),
    ],
)
def test_case_name_is_the_file_name_without_its_image_suffix(path: str, name: str, suffix: str) -> None:
    assert case_name(path) == name
    assert image_suffix(path) == suffix


@pytest.mark.parametrize(("of_image", "of_label"), [(".nii", ".nii"), (".dcm", ".nii.gz"), (".mhd", ".mha")])
def test_label_has_the_format_of_its_image_where_it_can(of_image: str, of_label: str) -> None:
    assert label_suffix(Image(np.zeros((1, 2, 2, 2)), np.eye(4), of_image)) == of_label


@pytest.mark.parametrize(
    ("of_image", "of_label"),
    [(".nrrd", ".nii.gz"), (".mha", ".nii.gz"), (".mhd", ".nii.gz"), (".dcm", ".nii.gz"), (".nii", ".nii")],
)
def test_label_of_a_sheared_volume_is_nifti(of_image: str, of_label: str) -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.2
    assert label_suffix(Image(np.zeros((1, 2, 2, 2)), affine, of_image)) == of_label
    assert of_label in WRITABLE_SUFFIXES
