import numpy as np
import pandas as pd
import pytest

from tracking.linking import LinkingOptions
from tracking.linking.lap import link_lap

# The settings in the headers of the XML files. TrackMate counts the frames from one spot to the next, we those between.
SETTINGS = {"search_radius": 15, "gap_radius": 15, "merging_radius": 15}


@pytest.mark.parametrize("cutoff_percentile", [90, 100])
@pytest.mark.parametrize(
    ("name", "n_links", "options"),
    [
        ("without_gap_closing", 127, {"max_gap": 0}),
        ("with_gap_closing", 128, {"max_gap": 1}),
        ("with_merging", 129, {"max_gap": 1, "merging": True}),
    ],
)
def test_links_are_those_of_trackmate(shared_data, name, n_links, options, cutoff_percentile):
    stem = shared_data / "laptrack_oracle" / f"trackmate_tracks_{name}"
    spots = pd.read_csv(f"{stem}_spots.csv").sort_values("frame", kind="stable")
    edges = pd.read_csv(f"{stem}_edges.csv")[["spot_source_id", "spot_target_id"]].to_numpy()
    positions = spots[["position_y", "position_x"]].to_numpy()
    chosen = LinkingOptions(**SETTINGS, cutoff_percentile=cutoff_percentile, **options)
    links = spots["id"].to_numpy()[link_lap(spots["frame"].to_numpy(), positions, 15, chosen)]
    assert len(links) == n_links
    # TrackMate's edges have no direction.
    assert {frozenset(ids) for ids in links.tolist()} == {frozenset(ids) for ids in edges.tolist()}
    assert not np.array_equal(links, edges)
