import numpy as np

from tracking.linking.linking import Linking

# Spots within one displacement of any place, up to which the shipped weights are trained, by number of axes.
MOST_CROWDED = {2: 0.6, 3: 0.3}
# Below these the tracks say little: mean probability of the links, and share of the spots that have one.
LEAST_PROBABILITY, LEAST_SHARE = 0.7, 0.3
# Particles whose displacements are smaller, in pixels, stand still: no spot is too near for them.
STILL = 0.01
# Of fewer spots no share tells anything.
FEW_SPOTS = 20
_REMEDY = ", or pass --calibrate, which trains the tracker on movies like this one"


def link_doubts(linking: Linking, n_axes: int, *, calibrated: bool = False) -> list[str]:
    """What speaks against the recurrent tracker's links, a sentence each; nothing for the other methods.

    Args:
        linking: What `tracking.linking.link` found.
        n_axes: 2 or 3.
        calibrated: Whether the tracker was calibrated to the movie, or could not be: that is no remedy then.
    """
    if linking.link_probability is None:
        return []
    found = []
    remedy = "" if calibrated else _REMEDY
    if linking.density > MOST_CROWDED[n_axes] and linking.scale > STILL:
        ball = np.pi if n_axes == 2 else 4 / 3 * np.pi
        spacing = linking.scale * (ball / linking.density) ** (1 / n_axes)
        found.append(
            f"particles move {linking.scale:.3g} px between two frames where spots are {spacing:.3g} px apart on "
            f"average, farther than in any movie the tracker was trained on, so links are less sure than they claim: "
            f"take frames more often{remedy}"
        )
    n = len(linking.particle)
    is_linked = np.bincount(linking.particle, minlength=1)[linking.particle] > 1 if n else np.zeros(0, bool)
    if n < FEW_SPOTS:
        return found
    if is_linked.mean() < LEAST_SHARE:
        found.append(
            f"only {is_linked.mean():.0%} of the spots could be linked, so they are noise or move too far for their "
            f"number: check them in overlay.png, take frames more often{remedy}"
        )
    elif (mean := float(np.nanmean(linking.link_probability))) < LEAST_PROBABILITY:
        found.append(
            f"links claim to be right with a probability of {mean:.2f} on average, so tracks are guesses: check the "
            f"spots in overlay.png, take frames more often{remedy}"
        )
    return found
