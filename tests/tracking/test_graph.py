import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.graph import edges_of, particles_from_edges


def test_a_split_ends_the_particle_and_begins_two():
    #  0 - 1 < 2 - 3
    #          4
    particle, parents = particles_from_edges(5, np.array([[0, 1], [1, 2], [2, 3], [1, 4]]))
    assert particle.tolist() == [0, 0, 1, 1, 2]
    assert parents == {1: (0,), 2: (0,)}


def test_a_merge_names_both_parents():
    #  0 - 1
    #        > 3 - 4
    #      2
    particle, parents = particles_from_edges(5, np.array([[0, 1], [1, 3], [2, 3], [3, 4]]))
    assert particle.tolist() == [0, 0, 1, 2, 2]
    assert parents == {2: (0, 1)}


def test_a_link_from_a_split_into_a_merge_stands_alone():
    #  0 > 2      0 splits into 2 and 3, and 3 is a merge of 0 and 1:
    #    \        all four are particles of one spot
    #  1 > 3
    particle, parents = particles_from_edges(4, np.array([[0, 2], [0, 3], [1, 3]]))
    assert particle.tolist() == [0, 1, 2, 3]
    assert parents == {2: (0,), 3: (0, 1)}


def test_spots_without_links_are_particles_of_their_own():
    assert particles_from_edges(3, np.empty((0, 2)))[0].tolist() == [0, 1, 2]
    particle, parents = particles_from_edges(0, np.empty((0, 2)))
    assert particle.shape == (0,)
    assert parents == {}


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ([[0, 5]], "a link names spot 5, but there are 5 spots"),
        ([[-1, 2]], "a link names spot -1, but there are 5 spots"),
        ([[0, 1], [0, 1]], "a link stands twice"),
        ([[1, 1]], "the links form a circle"),
        ([[0, 1], [1, 0]], "the links form a circle"),
        ([[0, 1], [1, 2], [2, 0]], "the links form a circle"),
        # A circle with a branch, so that one of its links is no longer an only one.
        ([[0, 1], [1, 2], [2, 0], [0, 3]], "the links form a circle"),
        ([[0, 1], [1, 0], [0, 2], [1, 3]], "the links form a circle"),
    ],
)
def test_what_is_no_graph_of_particles_is_refused(edges, sentence):
    with pytest.raises(TrackingError, match=sentence):
        particles_from_edges(5, np.array(edges))


def test_a_long_chain_takes_few_rounds():
    n = 200_000
    particle, _ = particles_from_edges(n, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1))
    assert (particle == 0).all()


@given(st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda link: link[0] < link[1]), max_size=20))
def test_particles_are_the_longest_unbranched_stretches(links):
    edges = np.array(sorted(links), np.int64).reshape(-1, 2)
    particle, parents = particles_from_edges(12, edges)
    # The same by networkx: take the links away that branch, and see what still hangs together.
    graph = nx.DiGraph()
    graph.add_nodes_from(range(12))
    graph.add_edges_from(links)
    branching = [(a, b) for a, b in links if graph.out_degree(a) > 1 or graph.in_degree(b) > 1]
    expected_parents = {(int(particle[b]), int(particle[a])) for a, b in branching}
    graph.remove_edges_from(branching)
    stretches = sorted(map(sorted, nx.weakly_connected_components(graph)))
    assert stretches == sorted(np.flatnonzero(particle == number).tolist() for number in np.unique(particle))
    assert expected_parents == {(child, parent) for child, of in parents.items() for parent in of}
    # Numbered from 0 in the order of their first spots.
    assert [int(particle[stretch[0]]) for stretch in stretches] == list(range(len(stretches)))


def test_edges_lead_through_particles_and_from_parents_to_children(split_and_merge):
    spots = split_and_merge.spots
    names = [f"{particle}@{frame}" for frame, particle in spots[["frame", "particle"]].to_numpy()]
    edges = {(names[a], names[b]) for a, b in edges_of(split_and_merge)}
    assert edges == {
        *{("1@0", "1@1"), ("1@1", "2@2"), ("1@1", "3@2")},
        *{("2@2", "2@4"), ("3@2", "3@3"), ("3@3", "3@4")},
        *{("2@4", "4@5"), ("3@4", "4@5"), ("4@5", "4@6")},
    }


@settings(deadline=None)
@given(data=st.data())
def test_edges_lead_forward_and_give_the_particles_back(data, any_tracks):
    tracks = data.draw(any_tracks())
    edges = edges_of(tracks)
    frame, particle = tracks.spots["frame"].to_numpy(), tracks.spots["particle"].to_numpy()
    assert (frame[edges[:, 0]] < frame[edges[:, 1]]).all()
    n_links = sum(map(len, tracks.parents.values()))
    assert len(edges) == len(tracks.spots) - tracks.n_particles + n_links
    found, _ = particles_from_edges(len(frame), edges)
    # Where a particle goes on as its only child, and that child has no other parent, the graph sees one particle.
    for number in np.unique(particle):
        assert len(np.unique(found[particle == number])) == 1
    n_joined = sum(
        len(of) == 1 and sum(of[0] in others for others in tracks.parents.values()) == 1
        for of in tracks.parents.values()
    )
    assert len(np.unique(found)) == tracks.n_particles - n_joined
