import json
import shutil
from pathlib import Path

from medseg.bundle import read_metadata, shipped_bundles
from medseg.bundle.trust import is_trusted
from medseg.training.describe_finetuned import describe_finetuned
from medseg.training.workflow import copy_untrained

SHIPPED = shipped_bundles()["hippocampus_unet"]


def test_fine_tuned_weights_keep_the_terms_of_those_before(untrained: Path) -> None:
    describe_finetuned(SHIPPED, untrained, "abc123")
    metadata = read_metadata(untrained)
    assert "hippocampus_unet 0.1.0" in metadata.changelog["0.1.0"]
    assert "abc123" in metadata.changelog["0.1.0"]
    assert "CC-BY-SA 4.0" in metadata.copyright
    assert "Task04" in str(metadata.data_source)
    assert metadata.eval_metrics == {}
    licence = (untrained / "docs" / "data_license.txt").read_text()
    assert licence.startswith((SHIPPED / "docs" / "data_license.txt").read_text())
    assert "further cases" in licence
    assert is_trusted(untrained)


def test_a_second_fine_tuning_says_it_once_and_a_bundle_without_terms_says_it_too(untrained: Path) -> None:
    describe_finetuned(SHIPPED, untrained, "abc")
    licence = (untrained / "docs" / "data_license.txt").read_text()
    again = untrained.with_name("again")
    copy_untrained(untrained, again)
    describe_finetuned(untrained, again, "def")
    assert (again / "docs" / "data_license.txt").read_text() == licence
    (untrained / "docs" / "data_license.txt").unlink()
    describe_finetuned(untrained, again, "def")
    assert (again / "docs" / "data_license.txt").read_text().startswith("The weights were then fine-tuned")


def test_what_was_measured_of_the_former_weights_is_not_said_of_the_new(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(SHIPPED, source)
    path = source / "configs" / "metadata.json"
    evidence = {"option": "fill_holes", "value": 1, "gain": 0.1, "low_95": 0.1, "high_95": 0.1, "n": 9, "kept": True}
    measured = {
        "calibration": {"temperature": 2, "fitted_on": "validation", "n": 1, "ece_before": 0.1, "ece_after": 0.1},
        "postprocessing": {"fill_holes": [1], "evidence": [evidence]},
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | measured))
    copy_untrained(source, target)
    describe_finetuned(source, target, "abc")
    metadata = read_metadata(target)
    assert metadata.calibration is None
    assert metadata.postprocessing is None
