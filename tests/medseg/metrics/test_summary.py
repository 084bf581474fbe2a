import json

import numpy as np
import pytest

from medseg.metrics import ClassScore, score_case, summarise


def score(dice=0.9, hd95=1.0, nsd=0.95, error=0.1, missed=False, spurious=False):
    return ClassScore(
        dice=dice,
        hd95=hd95,
        nsd=nsd,
        volume_ml=1.0,
        reference_volume_ml=1.0,
        volume_error_ml=error,
        missed=missed,
        spurious=spurious,
    )


MISSED = score(dice=0.0, hd95=None, nsd=0.0, error=1.0, missed=True)
SPURIOUS = score(dice=0.0, hd95=None, nsd=0.0, error=1.0, spurious=True)
ABSENT = score(dice=None, hd95=None, nsd=None, error=0.0)


def one_class(*scores):
    return summarise([{"liver": each} for each in scores])["liver"]


def test_means_by_hand():
    summary = one_class(score(dice=0.8, hd95=2.0), score(dice=0.9, hd95=4.0))
    assert summary.dice_mean == pytest.approx(0.85)
    assert summary.dice_std == pytest.approx(np.sqrt(2 * 0.05**2))
    assert summary.dice_min == 0.8
    assert summary.hd95_mean == 3
    assert summary.volume_error_ml_mean == pytest.approx(0.1)
    assert (summary.n, summary.n_undefined, summary.missed, summary.spurious, summary.hd95_undefined) == (2, 0, 0, 0, 0)


def test_a_missed_structure_lowers_the_means_and_is_counted():
    good, bad = one_class(score(), score(hd95=9.0)), one_class(score(), MISSED)
    assert bad.dice_mean < good.dice_mean
    assert bad.nsd_mean < good.nsd_mean
    assert bad.hd95_mean < good.hd95_mean, "the trap: the mean looks better, so the counts must stand beside it"
    assert (bad.missed, bad.hd95_undefined, good.missed, good.hd95_undefined) == (1, 1, 0, 0)


def test_undefined_cases_are_left_out_and_counted():
    summary = one_class(score(dice=0.8), ABSENT, SPURIOUS)
    assert summary.dice_mean == pytest.approx(0.4)
    assert (summary.n, summary.n_undefined, summary.spurious, summary.hd95_undefined) == (2, 1, 1, 2)


def test_a_class_that_no_case_holds_has_no_means():
    summary = one_class(ABSENT, ABSENT)
    assert (summary.n, summary.n_undefined) == (0, 2)
    assert (summary.dice_mean, summary.dice_min, summary.hd95_mean, summary.nsd_mean) == (None, None, None, None)


def test_the_confidence_interval_is_reproducible_and_near_the_normal_one():
    dices = np.random.default_rng(0).normal(0.8, 0.05, size=100)
    summary = one_class(*(score(dice=float(value)) for value in dices))
    half_width = 1.96 * dices.std(ddof=1) / np.sqrt(100)
    assert summary.dice_ci95 == pytest.approx((dices.mean() - half_width, dices.mean() + half_width), abs=2e-3)
    assert summary == one_class(*(score(dice=float(value)) for value in dices))


def test_one_case_has_no_spread():
    summary = one_class(score(dice=0.7))
    assert (summary.dice_mean, summary.dice_std, summary.dice_ci95) == (0.7, None, None)


def test_equal_cases_have_an_interval_of_no_width():
    assert one_class(score(dice=0.5), score(dice=0.5)).dice_ci95 == (0.5, 0.5)


def test_a_summary_survives_json():
    whole, half = np.ones((2, 2, 2), int), np.ones((2, 2, 2), int)
    half[0] = 0
    summaries = summarise([score_case(each, whole, (1, 1, 1), {1: "liver"}) for each in (whole, half, whole)])
    restored = json.loads(json.dumps(summaries["liver"].to_dict(), allow_nan=False))
    assert {"dice_mean", "dice_std", "hd95_mean", "nsd_mean", "missed", "n"} <= restored.keys()
    assert restored["dice_mean"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert restored["n"] == 3


def test_cases_must_score_the_same_classes():
    with pytest.raises(ValueError, match=r"the same classes, got \['liver'\] and \['spleen'\]"):
        summarise([{"liver": score()}, {"spleen": score()}])
    with pytest.raises(ValueError, match="at least one case"):
        summarise([])
