from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tracking.io.trackmate_model import TrackMateModel, attributes


def tracks_elements(model: TrackMateModel) -> Iterator[str]:
    """The elements ``AllTracks`` and ``FilteredTracks``: what links join is one track."""
    n_spots, links = len(model.frame), model.links
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(n_spots, n_spots))
    component = connected_components(graph, directed=False)[1] if n_spots else np.zeros(0, np.int64)
    # Tracks are counted from 0 in the order of their first spots; spots without links are in none.
    linked = np.unique(links)
    number = np.full(n_spots, -1)
    number[linked] = np.unique(component[linked], return_inverse=True)[1]
    order = np.argsort(number[links[:, 0]], kind="stable")
    links = links[order]
    starts = np.flatnonzero(np.diff(number[links[:, 0]], prepend=-1))
    edges = attributes(_link_features(model, links))
    names = attributes(_track_features(model, number, links))
    yield "<AllTracks>\n"
    for track, (start, end) in enumerate(zip(starts, np.append(starts, len(links))[1:], strict=True)):
        yield f'<Track name="Track_{track}"{names[track]}>\n'
        yield "".join(f"<Edge{text}/>\n" for text in edges[start:end])
        yield "</Track>\n"
    yield "</AllTracks>\n<FilteredTracks>\n"
    yield "".join(f'<TrackID TRACK_ID="{track}"/>\n' for track in range(len(starts)))
    yield "</FilteredTracks>\n"


def _link_features(model: TrackMateModel, links: np.ndarray) -> dict[str, np.ndarray]:
    ends = model.positions()[links]
    times = (model.frame * model.interval)[links]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    middle = ends.mean(axis=1)
    return {
        "SPOT_SOURCE_ID": links[:, 0],
        "SPOT_TARGET_ID": links[:, 1],
        "LINK_COST": length**2,
        "SPEED": length / (times[:, 1] - times[:, 0]),
        "DISPLACEMENT": length,
        "EDGE_TIME": times.mean(axis=1),
        "EDGE_X_LOCATION": middle[:, 0],
        "EDGE_Y_LOCATION": middle[:, 1],
        "EDGE_Z_LOCATION": middle[:, 2],
    }


def _track_features(model: TrackMateModel, number: np.ndarray, links: np.ndarray) -> dict[str, np.ndarray]:
    """Features as TrackMate's analyzers of branching and duration define them.

    Args:
        model: the spots.
        number: track of every spot, -1 for none.
        links: of all tracks.
    """
    n_tracks = int(number.max(initial=-1)) + 1
    missed = np.diff(model.frame[links], axis=1)[:, 0] - 1
    after = np.bincount(links[:, 0], minlength=len(number)) > 1
    before = np.bincount(links[:, 1], minlength=len(number)) > 1
    longest = np.zeros(n_tracks, np.int64)
    np.maximum.at(longest, number[links[:, 0]], missed)
    # Spots stand in the order of frames, so that a track's first row is its start and its last row its end.
    rows = np.flatnonzero(number >= 0)
    first, last = np.full(n_tracks, len(number)), np.zeros(n_tracks, np.int64)
    np.minimum.at(first, number[rows], rows)
    np.maximum.at(last, number[rows], rows)
    times, positions = model.frame * model.interval, model.positions()

    def count(of: np.ndarray) -> np.ndarray:
        return np.bincount(of, minlength=n_tracks)

    return {
        "TRACK_INDEX": np.arange(n_tracks),
        "TRACK_ID": np.arange(n_tracks),
        "NUMBER_SPOTS": count(number[rows]),
        "NUMBER_GAPS": count(number[links[missed > 0, 0]]),
        "NUMBER_SPLITS": count(number[after & ~before]),
        "NUMBER_MERGES": count(number[before & ~after]),
        "NUMBER_COMPLEX": count(number[before & after]),
        "LONGEST_GAP": longest,
        "TRACK_DURATION": times[last] - times[first],
        "TRACK_START": times[first],
        "TRACK_STOP": times[last],
        "TRACK_DISPLACEMENT": np.linalg.norm(positions[last] - positions[first], axis=1),
    }
