from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medseg.metrics import CalibrationScore


def save_reliability_figure(path: Path, calibration: "CalibrationScore") -> None:
    """Accuracy against confidence, and how many voxels have each confidence; on the diagonal a bundle is calibrated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.6), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, gridspec_kw={"height_ratios": (3, 1)})
    # Background that is rightly predicted is left out of the foreground, so that calling it background is always wrong.
    parts = {
        "all voxels": calibration.all,
        "foreground, predicted or true\n(honest probabilities lie below the line too)": calibration.foreground,
    }
    for (top, below), (name, part) in zip(grid.T, parts.items(), strict=True):
        bins = part.to_dict()["bins"]
        filled = [item for item in bins if item["n"]]
        confidence = [item["confidence"] for item in filled]
        top.plot((0, 1), (0, 1), color="gray", linewidth=1, linestyle="--")
        top.plot(confidence, [item["accuracy"] for item in filled], marker="o", markersize=4, clip_on=False)
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
        top.set_title(name, fontsize=10)
        top.text(0.03, 0.93, "no voxel" if part.ece is None else f"ECE {part.ece:.3f}")
        top.grid(alpha=0.3)
        width = 1 / len(bins)
        below.bar([(number + 0.5) * width for number in range(len(bins))], [item["n"] for item in bins], 0.9 * width)
        below.set(xlabel="confidence", ylabel="voxels", yscale="log" if part.n else "linear", ylim=(0.5, None))
    figure.savefig(path, dpi=150)
