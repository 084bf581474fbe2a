import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.graph import edges_of
from tracking.io.labelled_particles import forward, labelled_particles

#  frame   0   1   2   3
#          0 - 1 - 2 - 3
FRAME = np.arange(4)
CHAIN = np.array([[0, 1], [1, 2], [2, 3]])


def test_labels_that_fit_are_kept_even_where_a_particle_goes_on_as_its_only_child():
    particle, parents = labelled_particles(FRAME, CHAIN, np.array([9, 9, 4, 4]))
    assert particle.tolist() == [9, 9, 4, 4]
    assert parents == {4: (9,)}


@pytest.mark.parametrize(
    "label",
    [
        None,
        [9, 9, 4, -1],  # one spot has no label
        [9, 4, 9, 4],  # spots of one label are not linked
        [9, 9, 9, 9, 9],  # made to fit below: two spots of one label in one frame
    ],
)
def test_labels_that_do_not_fit_are_numbered_anew(label):
    frame, edges = FRAME, CHAIN
    if label is not None and len(label) == 5:
        frame = np.append(FRAME, 3)
    particle, parents = labelled_particles(frame, edges, None if label is None else np.array(label))
    assert particle[:4].tolist() == [0, 0, 0, 0]
    assert parents == {}


def test_a_link_out_of_the_middle_of_a_label_does_not_fit():
    #  0 - 1 - 2      one label along the upper row, and a link from its middle
    #       `- 3
    particle, parents = labelled_particles(
        np.array([0, 1, 2, 2]), np.array([[0, 1], [1, 2], [1, 3]]), np.array([5, 5, 5, 6])
    )
    assert particle.tolist() == [0, 0, 1, 2]
    assert parents == {1: (0,), 2: (0,)}


def test_a_link_that_stands_twice_is_refused_with_labels_as_without():
    twice = np.concatenate([CHAIN, CHAIN[:1]])
    for label in (None, np.zeros(4, np.int64)):
        with pytest.raises(TrackingError, match="a link stands twice"):
            labelled_particles(FRAME, twice, label)


def test_links_are_turned_forward_in_time():
    assert forward(FRAME, CHAIN[:, ::-1]).tolist() == CHAIN.tolist()
    with pytest.raises(TrackingError, match="a link joins two spots of frame 7"):
        forward(np.array([7, 7]), np.array([[0, 1]]))


@settings(deadline=None)
@given(data=st.data())
def test_the_particles_of_any_tracks_fit_their_links(data, any_tracks):
    tracks = data.draw(any_tracks())
    frame, particle = tracks.spots["frame"].to_numpy(), tracks.spots["particle"].to_numpy()
    found, parents = labelled_particles(frame, edges_of(tracks), particle)
    assert (found == particle).all()
    assert parents == tracks.parents
