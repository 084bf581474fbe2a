"""Links of the recurrent tracker, whole and with parts taken away; served as ``peer_links.py`` serves the peers'.

``python own_recurrent.py --weights FILE --version`` prints what stands for the code that links and for the weights.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from peer_links import Linker, Options, Spots, serve
from peer_movies import digest

from tracking.best_matching import best_matching
from tracking.dpht.link_recurrent import link_recurrent
from tracking.dpht.network import TrackNetwork
from tracking.dpht.recurrent_links import RecurrentLinks
from tracking.dpht.weights import load_weights
from tracking.graph import particles_from_edges
from tracking.linking import estimate_search_radius

# More than all log-odds of a movie's links differ by: one link more outweighs them.
ANY_LINK = 1e4


def most_probable_first(rows: np.ndarray, columns: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Links taken one after the other, the most probable first, each if both of its ends are still free.

    Probabilities are those of every spot's own candidates and of none, whatever others may claim; a link less probable
    than none is never taken. As `best_matching` otherwise.
    """
    if not len(rows):
        return np.empty(0, np.int64)
    odds = np.exp(np.clip(log_odds, -30, 30))
    probability = odds / (1 + np.bincount(rows, odds))[rows]
    chosen, left, reached = [], set(), set()
    for link in np.argsort(-probability, kind="stable"):
        row, column = int(rows[link]), int(columns[link])
        if log_odds[link] > 0 and row not in left and column not in reached:
            chosen.append(link)
            left.add(row)
            reached.add(column)
    return np.sort(np.array(chosen, np.int64))


def as_many_as_possible(rows: np.ndarray, columns: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """The most links there can be, and of all such choices the most probable: nothing ends or begins if it can go on.

    What a linker does that knows a gate, but no probability of existence. As `best_matching` otherwise.
    """
    return best_matching(rows, columns, log_odds + ANY_LINK)


# What differs from the tracker as it is by default.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "recurrent": {},
    "recurrent-no-future": {"width": 0},
    "recurrent-three-hypotheses": {"width": 3},
    "recurrent-depth-1": {"depth": 1},
    "recurrent-depth-2": {"depth": 2},
    "recurrent-depth-3": {"depth": 3},
    "recurrent-depth-4": {"depth": 4},
    "recurrent-depth-6": {"depth": 6},
    "recurrent-depth-8": {"depth": 8},
    "recurrent-greedy": {"decide": most_probable_first},
    "recurrent-no-existence": {"decide": as_many_as_possible},
}


def recurrent_links(frame: np.ndarray, pixels: np.ndarray, network: TrackNetwork, **changed: Any) -> RecurrentLinks:
    """Spots linked by the recurrent tracker as it is by default, but for what is ``changed``."""
    scale = estimate_search_radius(frame, pixels)
    return link_recurrent(frame, pixels, network, scale=scale, **changed)


def link_variant(network: TrackNetwork, changed: Mapping[str, Any], spots: Spots, options: Options) -> np.ndarray:
    """The particle of every spot; the tracker has no ``options`` to tune."""
    links = recurrent_links(spots["frame"], spots["pixels"], network, **changed).links
    return particles_from_edges(len(spots["frame"]), links)[0]


def version(weights: Path) -> str:
    """Of the modules that link, and of the weights."""
    # Those of training are not loaded.
    names = [name for name in sorted(sys.modules) if name.startswith("tracking.dpht.")]
    modules = [sys.modules[name] for name in [*names, "tracking.best_matching", "tracking.linking.search_radius"]]
    files = [Path(str(module.__file__)) for module in modules]
    return digest(*(file.read_bytes() for file in [*files, Path(__file__), weights]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--version", action="store_true")
    options = parser.parse_args()
    if options.version:
        print(version(options.weights))
        return
    network = load_weights(options.weights)
    linkers: dict[str, Linker] = {name: partial(link_variant, network, changed) for name, changed in VARIANTS.items()}
    serve(linkers)


if __name__ == "__main__":
    main()
