import hashlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from medseg.bundle import Manifest, read_manifest
from medseg.errors import UserError
from medseg.training.crossval_plan import plan_cases
from medseg.training.dataset import find_cases, pair_cases
from medseg.training.fold import Fold
from medseg.training.folds import assign_parts
from medseg.training.manifest import add_former_cases, make_manifest, select_split, write_manifest


def test_manifest_knows_every_case_by_its_bytes(dataset: Path) -> None:
    cases = find_cases(dataset)
    manifest = make_manifest(cases, "made up", str)
    assert [entry.case for entry in manifest.cases] == [case.id for case in cases]
    parts = assign_parts(case.id for case in cases)
    for case, entry in zip(cases, manifest.cases, strict=True):
        assert entry.image_sha256 == hashlib.sha256(case.image.read_bytes()).hexdigest()
        assert entry.label_sha256 == hashlib.sha256(case.label.read_bytes()).hexdigest()
        assert (entry.part, entry.split) == (parts[case.id], case.split)
    assert Counter(entry.split for entry in manifest.cases) == {"train": 10, "validation": 2, "test": 4}


def test_written_manifest_reads_back(dataset: Path, tmp_path: Path) -> None:
    manifest = make_manifest(find_cases(dataset), "made up", str)
    path = write_manifest(manifest, tmp_path)
    assert path == tmp_path / "docs" / "manifest.json"
    assert read_manifest(tmp_path) == manifest
    assert str(dataset) not in path.read_text()


def test_test_cases_are_found_again_under_other_names(dataset: Path, tmp_path: Path) -> None:
    cases = find_cases(dataset)
    manifest = make_manifest(cases, "made up", str)
    for case in cases:
        for part, path in (("images", case.image), ("labels", case.label)):
            (tmp_path / part).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / part / f"renamed_{case.id}.nii.gz")
    renamed = pair_cases(tmp_path / "images", tmp_path / "labels")
    found = {case.id for case in select_split(renamed, manifest, "test")}
    assert found == {f"renamed_{case.id}" for case in cases if case.split == "test"}


def test_changed_label_is_refused(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "changed")
    manifest = make_manifest(find_cases(dataset), "made up", str)
    cases = find_cases(tmp_path / "changed")
    test, other = (next(case for case in cases if case.split == split) for split in ("test", "train"))
    shutil.copy(other.label, test.label)
    with pytest.raises(UserError, match=f"is not the label that the bundle's manifest records for case {test.id}"):
        select_split(cases, manifest, "test")


def test_data_without_a_case_of_the_split_is_refused(dataset: Path) -> None:
    cases = find_cases(dataset)
    manifest = make_manifest(cases, "made up", str)
    with pytest.raises(UserError, match="none of the 10 images is one of the 4 test cases"):
        select_split([case for case in cases if case.split == "train"], manifest, "test")


def test_manifest_of_a_fold_tells_its_rule_and_hides_patients(dataset: Path, tmp_path: Path) -> None:
    data = shutil.copytree(dataset, tmp_path / "data")
    rows = "".join(f"{case.id},Meier {number}\n" for number, case in enumerate(find_cases(data)))
    (data / "patients.csv").write_text(f"case,patient\n{rows}")
    fold = Fold(fold=2, keep_test=True)
    manifest = make_manifest(find_cases(data, fold), "made up", lambda name: f"p-{len(name)}", fold)
    assert "Meier" not in manifest.model_dump_json()
    assert "patient ids" in manifest.folds
    assert "part 0 is left out" in manifest.folds
    assert {entry.part for entry in manifest.cases} == {1, 2, 3, 4}
    assert {entry.part for entry in manifest.cases if entry.split == "test"} == {3}
    assert make_manifest(find_cases(dataset), "made up", str).folds == Manifest.model_fields["folds"].default


def test_what_the_former_weights_have_seen_counts_as_seen(dataset: Path, tmp_path: Path) -> None:
    cases = find_cases(dataset)
    manifest = make_manifest(cases[:12], "new", str)
    assert add_former_cases(manifest, tmp_path) == manifest  # a bundle without a manifest

    others = [replace(case, split="test" if case.split == "train" else "train") for case in cases[6:]]
    write_manifest(make_manifest(others, "old", str), tmp_path)
    both = add_former_cases(manifest, tmp_path)

    assert both.dataset == "new; before them, old"
    splits = {entry.case: entry.split for entry in both.cases}
    assert len(splits) == len(both.cases)
    for case in cases[:6]:
        assert splits[case.id] == case.split
    for case in cases[6:12]:  # a former training case tests nothing any more
        assert splits[case.id] == ("train" if case.split == "test" else case.split)
    later = {case.id for case in others[6:] if case.split == "train"}
    assert {name for name in splits if name in {case.id for case in cases[12:]}} == later
    assert all(splits[name] == "train" for name in later)


def test_an_image_that_stands_twice_is_refused_unless_both_are_of_one_split(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(dataset, copy)
    cases = find_cases(copy)
    test, *train = (next(case for case in cases if case.split == split) for split in ("test", "train"))
    shutil.copy(train[0].image, test.image)
    with pytest.raises(UserError, match=f"{test.id}.* are one image|{train[0].id}.* are one image"):
        make_manifest(cases, "made up", str)
    with pytest.raises(UserError, match="are one image"):
        plan_cases(cases, keep_test=False)
    same = [case for case in cases if case.split == "train"][:2]
    shutil.copy(same[0].image, same[1].image)
    make_manifest([case for case in cases if case.split == "train"], "made up", str)


def test_a_test_case_that_is_a_training_case_too_tests_nothing(dataset: Path) -> None:
    cases = find_cases(dataset)
    manifest = make_manifest(cases, "made up", str)
    seen = next(entry for entry in manifest.cases if entry.split == "train")
    twice = manifest.model_copy(update={"cases": [*manifest.cases, seen.model_copy(update={"split": "test"})]})
    assert select_split(cases, twice, "test") == select_split(cases, manifest, "test")
