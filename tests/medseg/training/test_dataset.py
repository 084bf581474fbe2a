from pathlib import Path

import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, write_image
from medseg.training.dataset import data_list, find_cases, pair_cases
from medseg.training.fold import Fold


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, Image(np.zeros((1, 2, 2, 2), np.uint8), np.eye(4), ".nii.gz"))
    return path


def test_folders_alone_make_a_dataset(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        save(tmp_path / "imagesTr" / f"{name}.nii.gz")
        save(tmp_path / "labelsTr" / f"{name}.nii.gz")
    cases = find_cases(tmp_path)
    assert [case.id for case in cases] == ["a", "b", "c"]
    assert cases[1].image == tmp_path / "imagesTr" / "b.nii.gz"
    assert cases[1].label == tmp_path / "labelsTr" / "b.nii.gz"


@pytest.mark.parametrize("absent", ["imagesTr", "labelsTr"])
def test_absent_folder_is_named(tmp_path: Path, absent: str) -> None:
    save(tmp_path / ({"imagesTr", "labelsTr"} - {absent}).pop() / "a.nii.gz")
    with pytest.raises(UserError, match=f"has no {absent}"):
        find_cases(tmp_path)


def test_unlabelled_image_is_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save(tmp_path / "imagesTr" / f"{name}.nii.gz")
    save(tmp_path / "labelsTr" / "b.nii.gz")
    with pytest.raises(UserError, match="2 have none, the first being a"):
        find_cases(tmp_path)


def test_image_and_label_pair_across_formats(tmp_path: Path) -> None:
    image, label = save(tmp_path / "images" / "a.1.nrrd"), save(tmp_path / "labels" / "a.1.nii.gz")
    (case,) = pair_cases(image.parent, label.parent)
    assert (case.id, case.image, case.label) == ("a.1", image, label)


def test_two_files_of_one_case_are_refused(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "a.nrrd"):
        save(tmp_path / "images" / name)
    save(tmp_path / "labels" / "a.nii.gz")
    with pytest.raises(UserError, match="holds two files of the case a"):
        pair_cases(tmp_path / "images", tmp_path / "labels")


def test_label_without_an_image_is_no_case(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.nii.gz")
    for name in ("a", "b"):
        save(tmp_path / "labels" / f"{name}.nii.gz")
    assert [case.id for case in pair_cases(tmp_path / "images", tmp_path / "labels")] == ["a"]


def test_data_lists_hold_every_case_once(tmp_path: Path) -> None:
    for number in range(7):
        save(tmp_path / "imagesTr" / f"{number}.nii.gz")
        save(tmp_path / "labelsTr" / f"{number}.nii.gz")
    lists = [data_list(tmp_path, split) for split in ("train", "validation", "test")]
    images = [item["image"] for part in lists for item in part]
    assert sorted(images) == sorted(str(path) for path in (tmp_path / "imagesTr").iterdir())
    assert all(item["label"] == item["image"].replace("imagesTr", "labelsTr") for part in lists for item in part)


def test_images_and_labels_may_have_plain_folder_names(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.nii.gz")
    with pytest.raises(UserError, match=r"or images and labels, but has no labels$"):
        find_cases(tmp_path)
    save(tmp_path / "labels" / "a.nii.gz")
    assert [case.id for case in find_cases(tmp_path)] == ["a"]


def test_data_lists_name_their_cases_and_follow_the_fold(tmp_path: Path) -> None:
    for number in range(9):
        save(tmp_path / "imagesTr" / f"{number}.nii.gz")
        save(tmp_path / "labelsTr" / f"{number}.nii.gz")
    tested = [item["case"] for fold in range(3) for item in data_list(tmp_path, "test", fold, 3)]
    assert sorted(tested) == [str(number) for number in range(9)]
    kept = {item["case"] for item in data_list(tmp_path, "test")}
    inner = {
        item["case"] for split in ("train", "validation", "test") for item in data_list(tmp_path, split, 2, 5, True)
    }
    assert inner == {str(number) for number in range(9)} - kept
    with pytest.raises(UserError, match="there are 4 folds, numbered from 0, so none of number 4"):
        data_list(tmp_path, "train", 4, 5, True)


def test_cases_of_a_patient_stay_together(tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / "imagesTr" / f"{number}.nii.gz")
        save(tmp_path / "labelsTr" / f"{number}.nii.gz")
    rows = "".join(f"{number},p{number // 3}\n" for number in range(12))
    (tmp_path / "patients.csv").write_text(f"case,patient\n{rows}")
    cases = find_cases(tmp_path, Fold(fold=1, folds=2))
    assert {case.patient for case in cases} == {"p0", "p1", "p2", "p3"}
    for patient in ("p0", "p1", "p2", "p3"):
        assert len({(case.part, case.split) for case in cases if case.patient == patient}) == 1
