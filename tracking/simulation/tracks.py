import pandas as pd

from tracking.simulation.options import SimulationOptions
from tracking.simulation.positions import simulate_positions
from tracking.simulation.seeding import tracks_generator
from tracking.tracks import Tracks


def simulate_tracks(options: SimulationOptions, seed: int) -> Tracks:
    """The truth of a simulated movie: where every particle is in every frame.

    What happens at the border, and why the density is even, stands at `simulate_positions`.

    Where the motion switches between diffusion and directed motion, a column ``directed`` tells which kind the
    particle's next step is.

    Args:
        options: Of the movie. Those that only change its looks, such as the SNR, leave the tracks as they are.
        seed: A whole number from 0. The same one gives the same tracks, to the byte, with the same version of numpy;
            numpy does not promise that its random streams stay the same between versions.

    Raises:
        TrackingError: ``seed`` is negative.
    """
    simulated = simulate_positions(options, tracks_generator(seed))
    columns = {"frame": simulated.frame, "particle": simulated.particle}
    for axis, values in zip(("x", "y", "z"), simulated.position.T[::-1], strict=False):
        columns[axis] = values
    if simulated.directed is not None:
        columns["directed"] = simulated.directed
    return Tracks.create(pd.DataFrame(columns))
