import pytest

from tracking.dpht.cell import MAX_STEP
from tracking.dpht.require_search import require_search
from tracking.errors import TrackingError


@pytest.mark.parametrize(("depth", "width"), [(None, 0), (1, 1), (MAX_STEP, 8)])
def test_what_is_in_range_passes(depth, width):
    assert require_search(depth, width, may_choose=True) is None


@pytest.mark.parametrize("depth", [0, -1, MAX_STEP + 1, 2.0, "2", True])
def test_other_depths_are_refused_with_the_range(depth):
    with pytest.raises(
        TrackingError, match=f"`depth` must be a whole number from 1 to {MAX_STEP}, or null, got {depth!r}"
    ):
        require_search(depth, 1, may_choose=True)


def test_where_no_movie_tells_the_depth_it_must_be_given():
    with pytest.raises(TrackingError, match=f"`depth` must be a whole number from 1 to {MAX_STEP}, got None"):
        require_search(None, 1)


@pytest.mark.parametrize("width", [-1, 0.5, "1", None, False])
def test_other_widths_are_refused_with_the_range(width):
    with pytest.raises(TrackingError, match=f"`width` must be a whole number, 0 or more, got {width!r}"):
        require_search(3, width)
