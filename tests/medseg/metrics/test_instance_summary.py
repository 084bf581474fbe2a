import json

import numpy as np
import pytest

from medseg.metrics import score_instances, summarise_instances


@pytest.fixture
def scores(number):
    """A crowded image of four objects, all found; one object missed; nothing there."""
    crowded, single, empty = number("1.2.3.4"), number("1......"), number(".......")
    return [score_instances(crowded, crowded), score_instances(empty, single), score_instances(empty, empty)]


def test_means_are_over_images_and_pooled_over_objects(scores):
    summary = summarise_instances(scores)
    assert (summary.ap50_mean, summary.pq_mean, summary.rq_mean) == (1 / 2, 1 / 2, 1 / 2)
    assert summary.ap50_pooled == 4 / 5
    assert (summary.n, summary.n_undefined, summary.n_reference, summary.n_predicted) == (2, 1, 5, 4)
    assert summary.ap_mean["0.90"] == 1 / 2
    assert summary.ap_pooled["0.90"] == 4 / 5


def test_segmentation_quality_leaves_out_images_without_a_match_and_counts_them(scores):
    summary = summarise_instances(scores)
    assert (summary.sq_mean, summary.sq_undefined) == (1, 2)


def test_the_interval_holds_the_mean_and_is_reproducible(number):
    rng = np.random.default_rng(0)
    reference = number("1.2.3.4.5.6.7.8.9")
    scores = [score_instances(np.where(rng.random(17) < 0.7, reference, 0), reference) for _ in range(30)]
    summary = summarise_instances(scores)
    values = np.array([score.ap50 for score in scores])
    half_width = 1.96 * values.std(ddof=1) / np.sqrt(30)
    assert summary.ap50_ci95 == pytest.approx((values.mean() - half_width, values.mean() + half_width), abs=0.01)
    assert summary.pq_ci95 == summarise_instances(scores).pq_ci95


def test_one_image_has_no_interval(scores):
    summary = summarise_instances(scores[:1])
    assert (summary.ap50_mean, summary.ap50_ci95, summary.pq_ci95) == (1, None, None)


def test_a_summary_of_empty_images_is_undefined_and_survives_json(scores):
    summary = json.loads(json.dumps(summarise_instances(scores[2:]).to_dict(), allow_nan=False))
    assert (summary["n"], summary["n_undefined"], summary["sq_undefined"]) == (0, 1, 1)
    assert {summary[name] for name in ("ap50_mean", "ap50_pooled", "pq_mean", "sq_mean", "rq_mean")} == {None}
    assert set(summary["ap_mean"].values()) == {None}


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="at least one image, got none"):
        summarise_instances([])
