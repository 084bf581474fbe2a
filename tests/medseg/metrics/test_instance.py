import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment

from medseg.metrics import average_precision, count_matches, match_instances, panoptic_quality

shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5)
label_images = shapes.flatmap(lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 4))] * 2))
thresholds = st.floats(0.05, 1)


def iou_by_loops(prediction, reference):
    """Every pair of objects on its own, as sets of voxels."""
    voxels = [
        {value: {tuple(place) for place in np.argwhere(labels == value)} for value in np.unique(labels) if value}
        for labels in (prediction, reference)
    ]
    return [[len(a & b) / len(a | b) for b in voxels[1].values()] for a in voxels[0].values()]


@settings(deadline=None)
@given(label_images)
def test_iou_agrees_with_sets_of_voxels(pair):
    expected = iou_by_loops(*pair)
    iou = match_instances(*pair).iou
    assert iou.shape == (len(expected), len(np.unique(pair[1][pair[1] > 0])))
    assert iou.toarray().tolist() == expected


@settings(deadline=None)
@given(label_images, thresholds)
def test_matches_are_as_many_as_the_optimal_assignment_finds(pair, threshold):
    overlaps = match_instances(*pair)
    allowed = overlaps.iou.toarray() >= threshold
    row, column = linear_sum_assignment(allowed, maximize=True)
    assert count_matches(overlaps, threshold) == allowed[row, column].sum()


@settings(deadline=None)
@given(label_images)
def test_panoptic_quality_agrees_with_its_formula_by_loops(pair):
    ious = [iou for row in iou_by_loops(*pair) for iou in row if iou > 0.5]
    n_predicted, n_reference = (len(np.unique(labels[labels > 0])) for labels in pair)
    quality = panoptic_quality(match_instances(*pair))
    if n_predicted + n_reference == 0:
        assert quality is None
        return
    tp, fp, fn = len(ious), n_predicted - len(ious), n_reference - len(ious)
    assert quality.pq == pytest.approx(sum(ious) / (tp + fp / 2 + fn / 2))
    assert quality.rq == pytest.approx(tp / (tp + fp / 2 + fn / 2))
    assert quality.sq == (pytest.approx(sum(ious) / tp) if tp else None)
    assert quality.pq == pytest.approx((quality.sq or 0) * quality.rq)


@settings(deadline=None)
@given(label_images, st.permutations([1, 2**20, 2**31 - 1, 2**62]), st.permutations([3, 5, 2**40, 2**62]), thresholds)
def test_the_numbers_of_the_objects_change_nothing(pair, predicted, expected, threshold):
    plain = match_instances(*pair)
    other = match_instances(np.array([0, *predicted])[pair[0]], np.array([0, *expected])[pair[1]])
    assert count_matches(plain, threshold) == count_matches(other, threshold)
    assert sorted(plain.iou.data) == sorted(other.iou.data)


def test_two_halves_of_a_split_object_match_once_at_most(number):
    # Both halves have an IoU of exactly .5, so a rule without a one-to-one matching would count two.
    overlaps = match_instances(number("1122  1122"), number("3333  3333"))
    assert count_matches(overlaps, 0.5) == 1
    assert panoptic_quality(overlaps).rq == 0, "panoptic quality wants more than .5"


def test_a_greedy_matching_would_lose_an_object(number):
    # 1 overlaps both a = 5 and b = 6, 2 overlaps a alone: giving a to 1, its better candidate, leaves 2 with nothing.
    prediction = number("1111122")
    reference = number("6655555")
    overlaps = match_instances(prediction, reference)
    assert overlaps.iou.toarray() == pytest.approx(np.array([[3 / 7, 2 / 5], [2 / 5, 0]]))
    assert count_matches(overlaps, 0.4) == 2


def test_average_precision_by_hand():
    assert average_precision(3, n_predicted=4, n_reference=5) == 3 / (3 + 1 + 2)
    assert average_precision(0, n_predicted=4, n_reference=0) == 0
    assert average_precision(0, n_predicted=0, n_reference=0) is None


def test_panoptic_quality_by_hand(number):
    prediction = number("""
        111..2.
        111..2.
        .......
        33.....
    """)
    reference = number("""
        11...22
        111..2.
        .......
        .....44
    """)
    # IoU 5/6 and 2/3, object 3 spurious, object 4 missed
    quality = panoptic_quality(match_instances(prediction, reference))
    assert quality.sq == pytest.approx((5 / 6 + 2 / 3) / 2)
    assert quality.rq == pytest.approx(2 / 3)
    assert quality.pq == pytest.approx(1.5 / 3)


def test_an_iou_equal_to_the_threshold_counts(number):
    overlaps = match_instances(number("111.."), number("11111"))
    assert count_matches(overlaps, 0.6) == 1
    assert count_matches(overlaps, 0.65) == 0


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(number, threshold):
    with pytest.raises(ValueError, match="`threshold` must be above 0 and at most 1"):
        count_matches(match_instances(number("1"), number("1")), threshold)


def test_what_is_no_label_image_is_refused():
    labels = np.array([[0, 1, 2]])
    with pytest.raises(ValueError, match="`prediction` must be a label image of integers, got float64"):
        match_instances(labels.astype(float), labels)
    with pytest.raises(ValueError, match="`reference` must be a label image of integers, got bool"):
        match_instances(labels, labels > 0)
    with pytest.raises(ValueError, match="`reference` must hold no negative label, got -2"):
        match_instances(labels, -labels)
    with pytest.raises(ValueError, match=r"must have one shape, got \(1, 3\) and \(3, 1\)"):
        match_instances(labels, labels.T)
    with pytest.raises(ValueError, match=r"`prediction` must have 2 or 3 axes, got shape \(3,\)"):
        match_instances(labels[0], labels[0])
