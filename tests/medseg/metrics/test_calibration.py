import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg.metrics import CalibrationScore, Reliability, reliability, score_calibration


def case(seed, classes=3, shape=(12, 12), sharpness=2.0, calibrated=True):
    """Probabilities of random logits, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    weights = np.exp(rng.normal(0, sharpness, size=(classes, *shape)))
    probabilities = weights / weights.sum(axis=0)
    drawn_from = probabilities if calibrated else np.sqrt(probabilities) / np.sqrt(probabilities).sum(axis=0)
    labels = (rng.random(shape) > np.cumsum(drawn_from, axis=0)[:-1]).sum(axis=0)
    return probabilities, labels


cases = st.builds(case, st.integers(0, 1000), st.integers(2, 5), st.sampled_from([(7, 5), (3, 4, 5)]))


def test_four_voxels_by_hand():
    probabilities = np.array([[0.9, 0.8, 0.4, 0.1], [0.1, 0.2, 0.6, 0.9]])
    found = reliability(probabilities, np.array([0, 1, 1, 1]))
    # Bins of 1/15: .9 twice in the 14th, right both times; .8 in the 12th, wrong; .6 in the 9th, right
    assert found.ece == pytest.approx((2 * 0.1 + 0.8 + 0.4) / 4)
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.8**2 + 0.4**2 + 0.1**2) / 4)
    assert found.nll == pytest.approx(-np.log([0.9, 0.2, 0.6, 0.9]).mean())
    assert found.n == 4


@settings(deadline=None, max_examples=30)
@given(cases)
def test_nll_and_brier_score_agree_with_scikit_learn(pair):
    from sklearn.metrics import brier_score_loss, log_loss

    probabilities, labels = pair
    classes = list(range(len(probabilities)))
    rows = np.moveaxis(probabilities, 0, -1).reshape(-1, len(classes))
    found = reliability(*pair)
    assert found.nll == pytest.approx(log_loss(labels.ravel(), rows, labels=classes))
    assert found.brier == pytest.approx(brier_score_loss(labels.ravel(), rows, labels=classes, scale_by_half=False))


@settings(deadline=None)
@given(cases)
def test_the_bins_agree_with_the_calibration_curve_of_scikit_learn(pair):
    from sklearn.calibration import calibration_curve

    probabilities, labels = pair
    confidence, right = probabilities.max(axis=0).ravel(), (probabilities.argmax(axis=0) == labels).ravel()
    accuracies, confidences = calibration_curve(right, confidence, n_bins=15)
    bins = [each for each in reliability(*pair).to_dict()["bins"] if each["n"]]
    assert [each["accuracy"] for each in bins] == pytest.approx(accuracies.tolist())
    assert [each["confidence"] for each in bins] == pytest.approx(confidences.tolist())
    weights = np.array([each["n"] for each in bins]) / labels.size
    assert reliability(*pair).ece == pytest.approx(float(weights @ np.abs(accuracies - confidences)))


@settings(deadline=None)
@given(cases, st.integers(0, 1000))
def test_cases_add_up_to_all_their_voxels_together(pair, seed):
    other = case(seed, len(pair[0]), pair[1].shape)
    together = reliability(np.concatenate((pair[0], other[0]), axis=1), np.concatenate((pair[1], other[1])))
    added = sum([reliability(*pair), reliability(*other)], Reliability())
    assert (added.counts, added.correct) == (together.counts, together.correct)
    assert (added.ece, added.brier, added.nll) == pytest.approx((together.ece, together.brier, together.nll))


def test_labels_drawn_from_the_probabilities_have_no_calibration_error():
    assert reliability(*case(0, shape=(300, 300))).ece < 0.01
    assert reliability(*case(0, shape=(300, 300), calibrated=False)).ece > 0.1


def test_a_mask_leaves_out_voxels_whatever_they_hold():
    probabilities, labels = case(1)
    mask = np.random.default_rng(2).random(labels.shape) < 0.3
    found = reliability(probabilities, np.where(mask, labels, 255), mask)
    assert found == reliability(probabilities[:, mask], labels[mask])
    assert found.n == mask.sum()


def test_one_channel_is_the_probability_of_class_1():
    probabilities, labels = case(3, classes=2)
    one, two = score_calibration(probabilities[1:], labels), score_calibration(probabilities, labels)
    for first, second in ((one.all, two.all), (one.foreground, two.foreground)):
        assert (first.n, first.ece, first.brier, first.nll) == pytest.approx(
            (second.n, second.ece, second.brier, second.nll)
        )


def test_foreground_is_what_prediction_or_reference_calls_so(draw):
    predicted = draw("""
        .##.....
        .##.....
    """)
    reference = draw("""
        ..##....
        ..##....
    """)
    probabilities = np.where(predicted, 0.75, 0.0)[np.newaxis]
    found = score_calibration(probabilities, reference.astype(int))
    assert (found.all.n, found.foreground.n) == (16, 6)
    # In the band: 4 voxels of .75, half of them right, and 2 missed with confidence 1
    assert found.foreground.ece == pytest.approx((4 * 0.25 + 2 * 1) / 6)
    assert found.all.ece == pytest.approx((4 * 0.25 + 12 * (2 / 12)) / 16)


def test_the_foreground_of_a_calibrated_model_is_not_calibrated():
    # The trap that the docstring names: right background is left out by its label, so background there is always wrong.
    probabilities, labels = case(0, shape=(300, 300))
    found = score_calibration(probabilities, labels)
    assert found.all.ece < 0.01
    assert found.foreground.ece > 0.05


def test_scores_of_cases_add_up():
    scores = [score_calibration(*case(seed)) for seed in range(3)]
    total = sum(scores, CalibrationScore())
    assert total.all.n == 3 * 144
    assert total.foreground.n == sum(score.foreground.n for score in scores)


def test_probability_zero_of_the_truth_costs_much_and_not_everything():
    found = reliability(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0, 1]))
    assert found.nll == pytest.approx(-np.log(np.finfo(np.float32).eps) / 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_single_and_half_precision_agree_with_double(dtype):
    probabilities, labels = case(4)
    exact, found = reliability(probabilities, labels), reliability(probabilities.astype(dtype), labels)
    assert (found.brier, found.nll) == pytest.approx((exact.brier, exact.nll), rel=2e-3)


def test_nothing_measured_is_undefined_and_survives_json():
    probabilities, labels = case(5)
    empty = reliability(probabilities, labels, np.zeros(labels.shape, bool))
    assert empty == Reliability()
    restored = json.loads(json.dumps(empty.to_dict(), allow_nan=False))
    assert (restored["n"], restored["ece"], restored["brier"], restored["nll"]) == (0, None, None, None)
    assert restored["bins"] == [{"n": 0, "confidence": None, "accuracy": None}] * 15


def test_what_are_no_probabilities_is_refused():
    probabilities, labels = case(6)
    with pytest.raises(ValueError, match="add up to 1 over the classes, got values from -"):
        reliability(np.log(probabilities), labels)
    with pytest.raises(ValueError, match="add up to 1"):
        reliability(probabilities * np.nan, labels)
    with pytest.raises(ValueError, match="add up to 1"):
        reliability(2 * probabilities[:1] + 1, labels.clip(0, 1))


def test_shapes_and_labels_that_do_not_fit_are_refused():
    probabilities, labels = case(7)
    with pytest.raises(ValueError, match=r"got \(3, 12, 12\) and \(11, 12\)"):
        reliability(probabilities, labels[1:])
    with pytest.raises(ValueError, match="`labels` must be integers from 0 to 2, got int64 from 1 to 3"):
        reliability(probabilities, np.ones_like(labels) + 2 * (labels > 0))
    with pytest.raises(ValueError, match="`labels` must be integers from 0 to 2, got float64"):
        reliability(probabilities, labels.astype(float))
    with pytest.raises(ValueError, match=r"`mask` must be boolean of shape \(12, 12\), got int64"):
        reliability(probabilities, labels, labels)
