import json
import shutil
from pathlib import Path

import pytest

from medseg.bundle import find_bundle, read_manifest, read_metadata
from medseg.bundle.choose_postprocessing import choose_postprocessing
from medseg.bundle.trust import is_trusted
from medseg.bundle.try_postprocessing import PostprocessingTrial
from medseg.io import sha256_of

SHIPPED = find_bundle("hippocampus_unet")


@pytest.fixture
def crossval(tmp_path: Path):
    """Writes what a cross-validation of the shipped bundle leaves, in which an option gained ``gain``."""

    def write(
        gain: float = 0.0, classes: dict[int, str] | None = None, image: str = "unknown", **changes: object
    ) -> Path:
        trial = PostprocessingTrial(option="fill_holes", value=2, before=0.5, after=0.5 + gain)
        content = {
            "bundle": {
                "name": "hippocampus_unet",
                "classes": classes or {1: "anterior", 2: "posterior"},
                "inference_sha256": sha256_of(SHIPPED / "configs" / "inference.yaml"),
            },
            "missing_folds": [],
            "postprocessing": choose_postprocessing([[trial]] * 6).model_dump(),
        }
        folder = tmp_path / "folds"
        folder.mkdir(exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(content | changes))
        case = {"case": "a", "patient": "a", "part": 1, "fold": 0, "image_sha256": image, "label_sha256": "unknown"}
        plan = {"bundle": "b", "code_sha256": "c", "seed": 0, "overrides": {}, "folds": 5, "keep_test": True}
        (folder / "folds.json").write_text(json.dumps(plan | {"cases": [case]}))
        return folder

    return write


def test_a_copy_gets_what_was_kept_and_the_evidence(medseg, logged, crossval, tmp_path):
    folds = crossval(gain=0.1)
    command = ("bundle", "postprocess", "hippocampus_unet", "--crossval", folds, "-o", tmp_path / "out")
    result = medseg(*command, "--json")

    assert result.code == 0, result.err
    section = read_metadata(tmp_path / "out").postprocessing
    assert section is not None
    assert section.fill_holes == [2]
    assert section.model_dump() == json.loads((folds / "metrics.json").read_text())["postprocessing"]
    assert json.loads(result.out) == {"bundle": str(tmp_path / "out"), "postprocessing": section.model_dump()}
    assert is_trusted(tmp_path / "out")
    assert sha256_of(tmp_path / "out" / "models" / "model.pt") == sha256_of(SHIPPED / "models" / "model.pt")
    assert read_metadata(SHIPPED).postprocessing is None
    (run,) = logged()
    assert run.data.tags["model"] == "hippocampus_unet"
    shown = json.loads(medseg("bundle", "show", tmp_path / "out", "--json").out)
    assert shown["postprocessing"] == {"fill_holes": "posterior"}

    kept = medseg(*command)
    assert kept.code == 2
    assert "pass --overwrite" in kept.err
    again = medseg(*command, "--overwrite", "--no-log")
    assert again.code == 0, again.err
    assert "+0.1000 to +0.1000" in again.out


def test_where_no_option_gained_nothing_is_written(medseg, crossval, tmp_path):
    command = ("bundle", "postprocess", "hippocampus_unet", "--crossval", crossval(), "-o", tmp_path / "out")
    result = medseg(*command, "--no-log")
    assert result.code == 0, result.err
    assert "No option showed a gain; the bundle stays as it is." in result.err
    assert "fill holes" in result.out
    assert json.loads(medseg(*command, "--no-log", "--json").out)["bundle"] is None
    assert not (tmp_path / "out").exists()


def test_evidence_that_is_not_for_the_bundle_is_one_sentence(medseg, crossval, tmp_path):
    def refused(bundle: object = "hippocampus_unet") -> str:
        command = ("bundle", "postprocess", bundle, "--crossval", tmp_path / "folds", "-o", tmp_path / "out")
        result = medseg(*command, "--no-log")
        assert result.code == 2
        assert not (tmp_path / "out").exists()
        return result.err

    assert "cannot be read: give --crossval the folder of a medseg crossval" in refused()
    folds = crossval(gain=0.1, missing_folds=[0, 2], postprocessing=None)
    assert "is not finished, it lacks fold 0, 2" in refused()
    crossval(postprocessing=None)
    assert "holds no evidence" in refused()
    crossval(gain=0.1, classes={1: "posterior", 2: "anterior"})
    assert "was of 1 posterior, 2 anterior (`hippocampus_unet`)" in refused()
    crossval(gain=0.1, image=next(iter(read_manifest(SHIPPED).of_split("test"))))
    assert "1 of the 40 cases that are to test bundle `hippocampus_unet` are among those" in refused()
    crossval(gain=0.1)
    assert "gives no labels of classes" in refused("particle_tracker")
    other = tmp_path / "other"
    shutil.copytree(SHIPPED, other)
    with (other / "configs" / "inference.yaml").open("a") as file:
        file.write("# overlap 0.5\n")
    assert "their inference configs differ" in refused(other)
    for text in ('{"bundle": 1}', "{", '{"cases": []}'):  # the last is as of medseg evaluate
        (folds / "metrics.json").write_text(text)
        assert "holds no evidence" in refused()
