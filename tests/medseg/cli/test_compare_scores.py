import dataclasses

import numpy as np
import pytest
from scipy.stats import bootstrap

from medseg.bundle.evaluate import CaseScore
from medseg.cli.compare_scores import compare_scores
from medseg.cli.finetune_figure import save_finetune_figure
from medseg.metrics import ClassScore, score_instances

SCORE = ClassScore(
    dice=0.5,
    hd95=2.0,
    nsd=0.5,
    volume_ml=1.0,
    reference_volume_ml=1.0,
    volume_error_ml=0.0,
    missed=False,
    spurious=False,
)
MISSED = dataclasses.replace(SCORE, dice=0.0, nsd=0.0, hd95=None, volume_ml=0.0, missed=True)
NONE = dataclasses.replace(SCORE, dice=None, nsd=None, hd95=None)


def scores(values):
    organs = [value if isinstance(value, ClassScore) else dataclasses.replace(SCORE, dice=value) for value in values]
    return {name: CaseScore({"organ": organ}, None) for name, organ in zip("abcdef", organs, strict=False)}


def test_means_interval_and_counts_are_of_the_same_cases():
    before = scores([0.5, 0.6, MISSED, NONE, 0.9, 0.7])
    after = scores([0.7, 0.5, 0.4, 0.3, 0.95, NONE])
    organ = compare_scores(before, after, {name: name for name in before})["organ"]

    dice = organ["dice"]
    first, second = np.array([0.5, 0.6, 0.0, 0.9]), np.array([0.7, 0.5, 0.4, 0.95])
    assert (dice["n"], dice["n_undefined"]) == (4, 2)
    assert dice["before"] == pytest.approx(first.mean())
    assert dice["after"] == pytest.approx(second.mean())
    assert dice["difference"] == pytest.approx(dice["after"] - dice["before"])
    interval = bootstrap((second - first,), np.mean, method="percentile", random_state=1).confidence_interval
    assert dice["ci95"] == pytest.approx([interval.low, interval.high], abs=0.02)
    assert organ["hd95"]["n"] == 3


def test_cases_of_one_patient_show_no_spread():
    before, after = scores([0.5, 0.6]), scores([0.7, 0.7])
    dice = compare_scores(before, after, {"a": "one", "b": "one"})["organ"]["dice"]
    assert dice["difference"] == pytest.approx(0.15)
    assert (dice["ci95"], dice["n"], dice["n_groups"]) == (None, 2, 1)


def test_a_class_that_is_nowhere_has_no_mean(tmp_path):
    nowhere = scores([NONE, NONE])
    dice = compare_scores(nowhere, nowhere, {"a": "a", "b": "b"})["organ"]["dice"]
    assert (dice["before"], dice["after"], dice["difference"], dice["n"]) == (None, None, None, 0)
    save_finetune_figure(tmp_path / "none.png", nowhere, nowhere)
    save_finetune_figure(tmp_path / "some.png", scores([0.5, NONE]), scores([0.7, 0.6]))
    assert (tmp_path / "some.png").read_bytes() != (tmp_path / "none.png").read_bytes()


def test_objects_are_compared_by_precision_and_panoptic_quality(tmp_path):
    reference = np.array([[1, 1, 0, 2, 2]])
    merged = np.array([[1, 1, 1, 1, 1]])
    before, after = (
        {name: CaseScore({"nucleus": SCORE}, None, score_instances(found, reference)) for name in "ab"}
        for found in (merged, reference)
    )
    nucleus = compare_scores(before, after, {"a": "a", "b": "b"})["nucleus"]
    assert nucleus.keys() == {"dice", "hd95", "nsd", "ap50", "pq"}
    assert (nucleus["ap50"]["before"], nucleus["ap50"]["after"]) == (0, 1)
    assert (nucleus["pq"]["before"], nucleus["pq"]["after"]) == (0, 1)
    save_finetune_figure(tmp_path / "figure.png", before, after)
    assert (tmp_path / "figure.png").is_file()
