from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.track_measures import TRACK_MEASURES

if TYPE_CHECKING:
    from tracking.dpht.network import TrackNetwork


def demo_tracking(folder: Path, network: "TrackNetwork") -> dict[str, Any]:
    """Simulate a movie of receptors, track it knowing nothing of how it was made, score it, and draw it.

    ``network`` is that of the recurrent tracker.

    ``folder`` exists and gets ``movie.tif``, ``truth.xml``, ``tracks.csv``, ``tracks.xml`` and ``overlay.png``. Returns
    the measures, and how many particles there were and how many tracks were found.
    """
    from medseg.cli.single_threaded import single_threaded
    from medseg.cli.track_overlay import save_overlay
    from medseg.io.atomic import atomic_path
    from tracking.detection import DetectionOptions
    from tracking.io import open_movie, write_movie, write_tracks
    from tracking.linking import LinkingOptions
    from tracking.metrics import score_tracks
    from tracking.simulation import simulate
    from tracking.track_movie import track_movie

    simulation = simulate("receptor", snr=4, seed=7, overrides={"n_frames": 60, "frame_shape": (256, 256)})
    write_movie(folder / "movie.tif", simulation, frame_shape=simulation.frame_shape, dtype=simulation.dtype)
    write_tracks(folder / "truth.xml", simulation.truth)
    linking = LinkingOptions(method="recurrent")
    with open_movie(folder / "movie.tif") as movie, single_threaded():
        result = track_movie(movie, folder, detection=DetectionOptions(), linking=linking, network=network)
        with atomic_path(folder / "overlay.png") as partial:
            save_overlay(partial, result.tracks, movie, float(str(result.detector["sigma"])), unlinked=result.unlinked)
    score = score_tracks(simulation.truth, result.tracks).to_dict()
    return {
        **{name: score[name] for name in TRACK_MEASURES},
        "particles": simulation.truth.n_particles,
        "tracks": result.tracks.n_particles,
    }
