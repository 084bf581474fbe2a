import numpy as np

from tracking.dpht.context import movie_context
from tracking.dpht.recurrent_links import RecurrentLinks


def links_of(source):
    n, d = len(source), 2
    return RecurrentLinks(
        source=np.array(source, np.int64),
        link_probability=np.full(n, 0.5),
        existence=np.full(n, 0.5),
        real=np.full(n, 0.5),
        gap_frame=np.empty(0, np.int64),
        gap_spot=np.empty(0, np.int64),
        gap_position=np.empty((0, d)),
        gap_covariance=np.empty((0, d, d)),
        scale=1.0,
        depth=3,
        context=movie_context(d, 0.1, None),
    )


def test_links_name_both_spots_the_earlier_first():
    #  0 - 2 - 3
    #  1 - - - 4
    assert links_of([-1, -1, 0, 2, 1]).links.tolist() == [[0, 2], [2, 3], [1, 4]]


def test_no_links():
    assert links_of([-1, -1]).links.shape == (0, 2)
    assert links_of([]).links.shape == (0, 2)
