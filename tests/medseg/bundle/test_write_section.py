import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from medseg.bundle import load_bundle, read_metadata
from medseg.bundle.sections import Calibration, Postprocessing, PostprocessingEvidence
from medseg.bundle.trust import is_trusted
from medseg.bundle.write_section import write_section
from medseg.errors import UserError

CALIBRATION = Calibration(temperature=1.5, fitted_on="validation", n=3, ece_before=0.02, ece_after=0.01)


def test_sections_are_read_back_and_the_bundle_stays_trusted(bundle: Path) -> None:
    former = json.loads((bundle / "configs" / "metadata.json").read_text())
    evidence = [
        PostprocessingEvidence(option="fill_holes", value=1, gain=0.1, low_95=0.05, high_95=0.2, n=9, kept=True)
    ]
    postprocessing = Postprocessing(fill_holes=[1], evidence=evidence)
    for section in (Calibration(**CALIBRATION.model_dump() | {"temperature": 9}), postprocessing, CALIBRATION):
        write_section(bundle, section)
    metadata = read_metadata(bundle)
    assert metadata.calibration == CALIBRATION
    assert metadata.postprocessing == postprocessing
    content = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert {key: content[key] for key in former} == former
    assert is_trusted(bundle)
    assert load_bundle(bundle, "cpu").temperature == 1.5


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_is_above_zero(temperature: float) -> None:
    with pytest.raises(ValidationError):
        Calibration(**CALIBRATION.model_dump() | {"temperature": temperature})


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("calibration", {**CALIBRATION.model_dump(), "mood": 1}, "calibration.mood: Extra inputs are not permitted"),
        ("postprocessing", {"fill_holes": [0]}, "postprocessing.fill_holes.0: Input should be greater than 0"),
        ("expected_input", {"mirror_axes": [3]}, "mirror_axes must be different axes below 3"),
        ("expected_input", {"mirror_axes": [1, 1]}, "mirror_axes must be different axes below 3"),
        ("expected_input", {"mirror_axes": [-1]}, "greater than or equal to 0"),
    ],
)
def test_malformed_sections_are_one_sentence(bundle: Path, section: str, value: object, message: str) -> None:
    path = bundle / "configs" / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), section: value}))
    with pytest.raises(UserError, match=message):
        read_metadata(bundle)
