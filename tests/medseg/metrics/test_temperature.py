import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg.metrics import fit_temperature, reliability


def voxels(seed, classes, n=20_000):
    """Logits of a calibrated network, and labels drawn from their softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, size=(n, classes))
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).T


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.integers(2, 5), st.floats(0.2, 5))
def test_the_factor_that_logits_were_scaled_by_is_found_again(seed, classes, factor):
    logits, labels = voxels(seed, classes)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.1)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor * fit_temperature(logits, labels), rel=1e-4)


@pytest.mark.parametrize("factor", [0.5, 3])
def test_one_column_is_the_logit_of_a_sigmoid(factor):
    logits, labels = voxels(0, classes=2)
    difference = factor * (logits[:, 1:] - logits[:, :1])
    assert fit_temperature(difference, labels) == pytest.approx(factor, rel=0.05)
    assert fit_temperature(difference, labels) == pytest.approx(fit_temperature(factor * logits, labels))


def test_no_other_temperature_has_a_lower_log_loss():
    from sklearn.metrics import log_loss

    logits, labels = voxels(1, classes=3, n=500)
    losses = [log_loss(labels, softmax(2 * logits / t).T, labels=[0, 1, 2]) for t in np.linspace(0.5, 4, 50)]
    best = fit_temperature(2 * logits, labels)
    assert log_loss(labels, softmax(2 * logits / best).T, labels=[0, 1, 2]) <= min(losses)


def test_the_temperature_lowers_the_calibration_error():
    logits, labels = voxels(2, classes=4)
    logits *= 2.5
    before, after = (reliability(softmax(logits / t), labels) for t in (1, fit_temperature(logits, labels)))
    assert after.ece < 0.02 < 0.1 < before.ece
    assert after.correct != before.correct
    assert sum(after.correct) == sum(before.correct)


def test_logits_that_are_always_right_or_always_wrong_want_the_extremes():
    _, labels = voxels(3, classes=3, n=300)
    right, wrong = 10 * np.eye(3)[labels], -10 * np.eye(3)[labels]
    assert 0.05 <= fit_temperature(right, labels) < 0.5
    assert fit_temperature(wrong, labels) == pytest.approx(20, rel=1e-3)


def test_large_float32_logits_do_not_overflow():
    logits, labels = voxels(4, classes=2, n=1000)
    assert np.isfinite(fit_temperature((1e4 * logits).astype(np.float32), labels))


def test_what_cannot_be_fitted_is_refused():
    logits, labels = voxels(5, classes=2, n=10)
    with pytest.raises(ValueError, match=r"got \(10, 2\) and \(9,\)"):
        fit_temperature(logits, labels[1:])
    with pytest.raises(ValueError, match=r"n > 0, got \(0, 2\) and \(0,\)"):
        fit_temperature(logits[:0], labels[:0])
    with pytest.raises(ValueError, match="`logits` must be finite"):
        fit_temperature(logits * np.nan, labels)
    with pytest.raises(ValueError, match="`labels` must be integers from 0 to 1, got int64 from 2 to 3"):
        fit_temperature(logits, labels + 2)
    with pytest.raises(ValueError, match="`labels` must be integers from 0 to 1"):
        fit_temperature(logits[:, :1], labels + 1)
