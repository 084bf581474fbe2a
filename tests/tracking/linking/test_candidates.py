import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracking.errors import TrackingError
from tracking.linking import candidates as module
from tracking.linking.candidates import candidate_links


def pairs_of(frames, positions, step, radius, sources=None, targets=None):
    everything = np.arange(len(frames))
    sources, targets = everything if sources is None else sources, everything if targets is None else targets
    batches = list(candidate_links(frames, positions, sources, targets, step, radius))
    found = {(i, j): d for source, target, squared in batches for i, j, d in zip(source, target, squared, strict=True)}
    assert len(found) == sum(len(batch[0]) for batch in batches)
    return found


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=12).map(sorted),
    st.integers(0, 3),
    st.sampled_from([0.5, 1.0, 1.5, 100.0, 1e300]),
    st.sampled_from([1, 5, 10**6]),
    st.data(),
)
def test_agrees_with_looking_at_all_pairs(frames, step, radius, most, data):
    frames = np.array(frames)
    # Whole numbers, so that many spots coincide or are exactly the radius apart.
    positions = data.draw(arrays(float, (len(frames), 2), elements=st.integers(0, 3)))
    expected = {
        (i, j): ((positions[i] - positions[j]) ** 2).sum()
        for i in range(len(frames))
        for j in range(len(frames))
        if frames[j] - frames[i] == step and np.linalg.norm(positions[i] - positions[j]) <= radius
    }
    with pytest.MonkeyPatch.context() as patch:
        # As many as the fullest two frames may have, so that nothing is refused and small batches are split.
        fullest = max(int((frames == t).sum() * (frames == t + step).sum()) for t in frames)
        patch.setattr(module, "MOST_CANDIDATES", max(most, fullest))
        assert pairs_of(frames, positions, step, radius) == expected


def test_batches_hold_whole_frames(brownian, monkeypatch):
    frames, positions, _ = brownian(20, 30)
    together = pairs_of(frames, positions, 1, 20)
    monkeypatch.setattr(module, "MOST_CANDIDATES", 3 * 400)
    batches = list(candidate_links(frames, positions, np.arange(600), np.arange(600), 1, 20))
    assert [np.unique(frames[batch[0]]).tolist() for batch in batches[:2]] == [[0, 1, 2], [3, 4, 5]]
    assert pairs_of(frames, positions, 1, 20) == together


def test_only_named_spots_take_part():
    frames, positions = np.array([0, 0, 1, 1]), np.zeros((4, 2))
    assert set(pairs_of(frames, positions, 1, 1, sources=np.array([1]), targets=np.array([2]))) == {(1, 2)}
    assert pairs_of(frames, positions, 1, 1, sources=np.array([], int)) == {}


def test_more_pairs_than_memory_is_meant_for(monkeypatch):
    monkeypatch.setattr(module, "MOST_CANDIDATES", 99)
    frames, positions = np.repeat([0, 4, 5], 10), np.zeros((30, 2))
    with pytest.raises(
        TrackingError, match="--search-radius 3 lets 100 pairs of spots of the frames 4 and 5 be linked"
    ):
        pairs_of(frames, positions, 1, 3)
    # As many spots, but few of them near to one another.
    positions[:, 0] = np.tile(np.arange(10) * 100, 3)
    assert len(pairs_of(frames, positions, 1, 3)) == 10
