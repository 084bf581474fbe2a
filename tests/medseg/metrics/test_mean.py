import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg.metrics.mean import BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, defined, mean, mean_ci95

values = st.lists(st.floats(0, 1), min_size=2, max_size=20)


def test_the_interval_is_that_of_scipy_on_the_plain_mean():
    from scipy.stats import bootstrap

    sample = np.random.default_rng(1).beta(8, 2, size=40)
    expected = bootstrap(
        (sample,),
        np.mean,
        n_resamples=BOOTSTRAP_RESAMPLES,
        method="percentile",
        batch=1000,
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    ).confidence_interval
    assert mean_ci95(sample.tolist()) == pytest.approx((expected.low, expected.high))


@settings(deadline=None, max_examples=20)
@given(values)
def test_a_group_for_every_case_is_no_group(sample):
    assert mean_ci95(sample, [f"patient {i}" for i in range(len(sample))]) == mean_ci95(sample)


def test_groups_agree_with_a_loop_over_resampled_patients():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(12), rng.integers(1, 6, size=12))
    sample = rng.normal(size=12)[groups] + rng.normal(0, 0.1, size=len(groups))
    drawn = rng.integers(0, 12, size=(4000, 12))
    means = [np.concatenate([sample[groups == patient] for patient in patients]).mean() for patients in drawn]
    interval = mean_ci95(sample.tolist(), groups.tolist())
    assert interval == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.03)
    naive = mean_ci95(sample.tolist())
    assert interval[1] - interval[0] > 1.5 * (naive[1] - naive[0]), "slices of a patient are no independent cases"


def test_the_names_and_the_order_of_groups_do_not_matter_to_the_spread():
    sample = [0.1, 0.2, 0.8, 0.9]
    assert mean_ci95(sample, ["b", "b", "a", "a"]) == mean_ci95(sample, [1, 1, 2, 2])


def test_one_group_shows_no_spread():
    assert mean_ci95([0.1, 0.9], ["a", "a"]) is None
    assert mean_ci95([0.1]) is None
    assert mean_ci95([]) is None


def test_every_value_needs_its_group():
    with pytest.raises(ValueError, match="one entry a value, got 1 for 2 values"):
        mean_ci95([0.1, 0.2], ["a"])


def test_undefined_values_are_no_zeros():
    assert mean(defined([0.5, None, 1.0])) == 0.75
    assert mean(defined([None])) is None
