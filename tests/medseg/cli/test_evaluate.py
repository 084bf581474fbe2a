import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import find_bundle, read_metadata, shipped_bundles
from medseg.io import Image, crop, read_label, sha256_of, write_image, write_label

BUNDLE = ("--bundle", "hippocampus_unet")


@pytest.fixture
def two_sides(medseg, template: Image, tmp_path: Path) -> tuple[Path, Path]:
    """Images and labels of both sides of a real brain; the labels are the bundle's own."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    for side, x in (("left", -27.0), ("right", 27.0)):
        write_image(images / f"{side}.nii.gz", crop(template, (x, -22.0, -14.0), (36.0, 52.0, 36.0)))
    medseg("segment", images, *BUNDLE, "-o", labels, "--no-log")
    for path in labels.glob("*_seg.nii.gz"):
        path.rename(labels / path.name.replace("_seg", ""))
    return images, labels


def test_a_bundle_agrees_with_itself(medseg, two_sides, tmp_path):
    images, labels = two_sides
    result = medseg(
        "evaluate", *BUNDLE, "--images", images, "--labels", labels, "-o", tmp_path / "out", "--no-log", "--json"
    )

    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert result.code == 0
    assert json.loads(result.out) == metrics
    for name in ("anterior", "posterior"):
        assert metrics["summary"][name]["dice_mean"] == 1
        assert metrics["summary"][name]["hd95_mean"] == 0
        assert metrics["summary"][name]["n"] == 2
    with (tmp_path / "out" / "cases.csv").open() as file:
        assert [(row["case"], row["class"]) for row in csv.DictReader(file)] == [
            (case, name) for case in ("left", "right") for name in ("anterior", "posterior")
        ]
    assert (tmp_path / "out" / "dice.png").stat().st_size > 5000


def test_a_structure_the_reference_lacks_is_counted_and_not_averaged_away(medseg, two_sides, tmp_path):
    images, labels = two_sides
    label = read_label(labels / "left.nii.gz")
    write_label(labels / "left.nii.gz", np.where(label.data[0] == 2, 0, label.data[0]), label)

    medseg("evaluate", *BUNDLE, "--images", images, "--labels", labels, "-o", tmp_path / "out", "--no-log")

    posterior = json.loads((tmp_path / "out" / "metrics.json").read_text())["summary"]["posterior"]
    assert posterior["spurious"] == 1
    assert posterior["dice_mean"] == pytest.approx(0.5)
    assert posterior["hd95_undefined"] == 1


def test_labels_that_do_not_fit_are_named(medseg, two_sides, tmp_path):
    images, labels = two_sides
    left, right = read_label(labels / "left.nii.gz"), read_label(labels / "right.nii.gz")
    write_label(labels / "left.nii.gz", np.where(left.data[0] == 2, 7, left.data[0]), left)
    moved = right.affine.copy()
    moved[0, 3] += 5
    evaluate = ("evaluate", *BUNDLE, "--images", images, "--labels", labels, "--no-log")

    some = medseg(*evaluate, "-o", tmp_path / "some")
    assert some.code == 1
    assert "left.nii.gz" in some.err
    assert "7" in some.err
    assert json.loads((tmp_path / "some" / "metrics.json").read_text())["failed"] == 1

    write_label(labels / "right.nii.gz", right.data[0], replace(right, affine=moved, header=None))
    none = medseg(*evaluate, "-o", tmp_path / "none")
    assert none.code == 2
    assert "right.nii.gz" in none.err
    assert not (tmp_path / "none" / "metrics.json").exists()


def bundle_that_knows_the_right_side(folder: Path, images: Path, labels: Path, split: str) -> Path:
    """A copy of the bundle whose manifest holds one case, under a name that no file has."""
    bundle = folder / "bundle"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle)
    case = {
        "case": "another-name",
        "patient": "p",
        "image_sha256": sha256_of(images / "right.nii.gz"),
        "label_sha256": sha256_of(labels / "right.nii.gz"),
        "part": 0 if split == "test" else 2,
        "split": split,
    }
    (bundle / "docs" / "manifest.json").write_text(json.dumps({"dataset": "d", "cases": [case]}))
    return bundle


def test_a_split_is_known_by_bytes_and_not_by_names(medseg, two_sides, tmp_path):
    images, labels = two_sides
    bundle = bundle_that_knows_the_right_side(tmp_path, images, labels, "test")
    evaluate = ("evaluate", "-b", bundle, "--images", images, "--labels", labels, "--no-log")

    assert medseg(*evaluate, "--split", "test", "-o", tmp_path / "out").code == 0
    assert [row["case"] for row in json.loads((tmp_path / "out" / "metrics.json").read_text())["cases"]] == ["right"]

    nothing = medseg(*evaluate, "--split", "train", "-o", tmp_path / "nothing")
    assert nothing.code == 2
    assert "none of the 2 images" in nothing.err


def test_metrics_that_exist_are_kept(medseg, two_sides, tmp_path):
    (tmp_path / "metrics.json").write_text("mine")
    images, labels = two_sides
    result = medseg("evaluate", *BUNDLE, "--images", images, "--labels", labels, "-o", tmp_path, "--no-log")
    assert result.code == 2
    assert "--overwrite" in result.err
    assert (tmp_path / "metrics.json").read_text() == "mine"


def test_images_without_labels_are_wrong_usage(medseg, two_sides, tmp_path):
    images, labels = two_sides
    (labels / "left.nii.gz").unlink()
    unpaired = medseg("evaluate", *BUNDLE, "--images", images, "--labels", labels, "-o", tmp_path / "out")
    assert unpaired.code == 2
    assert "left" in unpaired.err
    assert medseg("evaluate", *BUNDLE, "--images", images, "-o", tmp_path / "out").code == 2


@pytest.mark.parametrize("bundle", [name for name in shipped_bundles() if name.startswith("hippocampus_")])
def test_held_out_cases_give_the_numbers_of_the_card(medseg, hippocampus_data, tmp_path, bundle):
    result = medseg("evaluate", "-b", bundle, "--data", hippocampus_data, "--split", "test", "-o", tmp_path, "--no-log")

    measured = json.loads((tmp_path / "metrics.json").read_text())["summary"]
    card = read_metadata(find_bundle(bundle)).eval_metrics
    readme = (find_bundle(bundle) / "docs" / "README.md").read_text()
    assert result.code == 0
    assert card
    assert card["n"] == 40
    for name, item in measured.items():
        assert item["n"] == 40
        for measure in ("dice_mean", "dice_std", "hd95_mean", "nsd_mean", "missed"):
            assert item[measure] == pytest.approx(card[f"{name}_{measure}"], rel=2e-2, abs=2e-3), (name, measure)
        assert f"{card[f'{name}_dice_mean']:.3f} ± {card[f'{name}_dice_std']:.3f}" in readme
        assert f"{card[f'{name}_hd95_mean']:.2f} mm" in readme
    # The bars that weights must clear to be shipped.
    assert measured["anterior"]["dice_mean"] > 0.885
    assert measured["posterior"]["dice_mean"] > 0.865


def test_scoring_what_the_weights_were_trained_on_warns(medseg, two_sides, tmp_path):
    images, labels = two_sides
    bundle = bundle_that_knows_the_right_side(tmp_path, images, labels, "train")
    result = medseg(
        "evaluate", "-b", bundle, "--images", images, "--labels", labels, "-o", tmp_path / "out", "--no-log"
    )
    assert "made with 1 of these 2 cases" in result.err


def test_calibration_is_measured_and_drawn(medseg, logged, two_sides, tmp_path):
    images, labels = two_sides
    result = medseg("evaluate", *BUNDLE, "--images", images, "--labels", labels, "--mirror", "-o", tmp_path / "out")

    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert result.code == 0
    assert metrics["mirror"]
    calibration = metrics["calibration"]
    assert calibration["all"]["n"] == sum(read_label(path).data.size for path in labels.glob("*.nii.gz"))
    # Nearly every voxel is the network's own, so that it is right more often than it believes.
    assert 0 < calibration["all"]["ece"] < calibration["foreground"]["ece"] < 0.5
    assert (tmp_path / "out" / "reliability.png").stat().st_size > 5000
    assert "expected calibration error" in result.out
    (run,) = logged()
    assert run.data.metrics["ece"] == pytest.approx(calibration["all"]["ece"])


def test_a_case_is_a_test_of_an_ensemble_only_if_no_member_has_seen_it(medseg, two_sides, tmp_path):
    images, labels = two_sides
    members = {}
    for number, splits in enumerate([{"right": "test", "left": "test"}, {"right": "test", "left": "train"}]):
        bundle = bundle_that_knows_the_right_side(tmp_path / str(number), images, labels, "test")
        manifest = json.loads((bundle / "docs" / "manifest.json").read_text())
        manifest["cases"] = [
            {
                **manifest["cases"][0],
                "image_sha256": sha256_of(images / f"{side}.nii.gz"),
                "label_sha256": sha256_of(labels / f"{side}.nii.gz"),
                "split": split,
            }
            for side, split in splits.items()
        ]
        (bundle / "docs" / "manifest.json").write_text(json.dumps(manifest))
        members[number] = bundle
    ensemble = ("evaluate", "-b", members[0], "-b", members[1], "--images", images, "--labels", labels, "--no-log")

    assert medseg(*ensemble, "--split", "test", "-o", tmp_path / "test").code == 0
    metrics = json.loads((tmp_path / "test" / "metrics.json").read_text())
    assert [row["case"] for row in metrics["cases"]] == ["right"]
    assert [member["name"] for member in metrics["ensemble"]] == ["bundle", "bundle"]
    assert metrics["summary"]["anterior"]["dice_mean"] == 1

    unseen = medseg(*ensemble, "--split", "unseen", "-o", tmp_path / "unseen", "--json")
    assert [row["case"] for row in json.loads(unseen.out)["cases"]] == ["right"]
    for member in members.values():
        path = member / "docs" / "manifest.json"
        path.write_text(path.read_text().replace('"test"', '"validation"'))
    nothing = medseg(*ensemble, "--split", "unseen", "-o", tmp_path / "nothing")
    assert nothing.code == 2
    assert "trained on or chosen by each of these 2 cases" in nothing.err

    everything = medseg(*ensemble, "-o", tmp_path / "everything")
    assert "made with 2 of these 2 cases" in everything.err
