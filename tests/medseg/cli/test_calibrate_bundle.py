import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import find_bundle, read_metadata
from medseg.io import Image, crop, read_label, sha256_of, write_image, write_label


@pytest.fixture
def dataset(medseg, template: Image, tmp_path: Path) -> Path:
    """Two crops of a real brain; their labels are the bundle's own, moved by a voxel, so that it is sometimes wrong."""
    images, labels = tmp_path / "data" / "imagesTr", tmp_path / "data" / "labelsTr"
    images.mkdir(parents=True)
    for side, x in (("left", -27.0), ("right", 27.0)):
        write_image(images / f"{side}.nii.gz", crop(template, (x, -22.0, -14.0), (36.0, 52.0, 36.0)))
    assert medseg("segment", images, "-b", "hippocampus_unet", "-o", labels, "--no-log").code == 0
    for path in labels.glob("*_seg.nii.gz"):
        label = read_label(path)
        write_label(labels / path.name.replace("_seg", ""), np.roll(label.data[0], 1, 0), label)
        path.unlink()
    return tmp_path / "data"


@pytest.fixture
def bundle(dataset: Path, tmp_path: Path) -> Path:
    """The shipped bundle, as if the left side had chosen its checkpoint and the right side tested it."""
    target = tmp_path / "bundle"
    shutil.copytree(find_bundle("hippocampus_unet"), target)
    cases = [
        {
            "case": side,
            "patient": side,
            "image_sha256": sha256_of(dataset / "imagesTr" / f"{side}.nii.gz"),
            "label_sha256": sha256_of(dataset / "labelsTr" / f"{side}.nii.gz"),
            "part": part,
            "split": split,
        }
        for side, part, split in (("left", 2, "validation"), ("right", 0, "test"))
    ]
    (target / "docs" / "manifest.json").write_text(json.dumps({"dataset": "d", "cases": cases}))
    return target


def test_a_calibrated_copy_is_honest_and_segments_the_same(medseg, logged, bundle, dataset, tmp_path):
    calibrate = ("bundle", "calibrate", bundle, "--data", dataset, "-o", tmp_path / "out")
    result = medseg(*calibrate, "--json")

    assert result.code == 0, result.err
    found = read_metadata(tmp_path / "out").calibration
    assert found is not None
    assert json.loads(result.out)["calibration"] == found.model_dump()
    assert found.n == 1
    assert found.temperature > 1.2
    assert found.ece_after < found.ece_before
    assert sha256_of(tmp_path / "out" / "models" / "model.pt") == sha256_of(bundle / "models" / "model.pt")
    assert read_metadata(bundle).calibration is None
    (run,) = logged()
    assert run.data.metrics["temperature"] == pytest.approx(found.temperature)

    # The copy is trusted, its labels are those of the bundle, and it is more honest on the case that fitted nothing.
    ece = {}
    for name, folder in {"before": bundle, "after": tmp_path / "out"}.items():
        scores = tmp_path / name
        evaluate = ("evaluate", "-b", folder, "--data", dataset, "--split", "test", "-o", scores, "--no-log")
        assert medseg(*evaluate).code == 0
        ece[name] = json.loads((scores / "metrics.json").read_text())
    assert ece["after"]["summary"] == ece["before"]["summary"]
    assert ece["after"]["calibration"]["all"]["ece"] < ece["before"]["calibration"]["all"]["ece"]

    kept = medseg(*calibrate)
    assert kept.code == 2
    assert "pass --overwrite" in kept.err
    assert medseg(*calibrate, "--overwrite").code == 0


def test_what_cannot_be_calibrated_is_one_sentence(medseg, bundle, dataset, tmp_path):
    calibrate = ("bundle", "calibrate", bundle, "--data", dataset, "--no-log", "-o")
    itself = medseg(*calibrate, bundle)
    assert itself.code == 2
    assert "the bundle itself" in itself.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    mine = medseg(*calibrate, tmp_path / "mine", "--overwrite")
    assert mine.code == 2
    assert "no bundle" in mine.err
    (bundle / "docs" / "manifest.json").unlink()
    unknown = medseg(*calibrate, tmp_path / "out")
    assert unknown.code == 2
    assert "has no docs/manifest.json" in unknown.err
    tracker = medseg("bundle", "calibrate", "particle_tracker", "--data", dataset, "-o", tmp_path / "out", "--no-log")
    assert tracker.code == 2
    assert "tracks particles and segments nothing" in tracker.err
