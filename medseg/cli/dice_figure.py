from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medseg.metrics import ClassScore


def save_dice_figure(path: Path, scores: "Mapping[str, Mapping[str, ClassScore]]") -> None:
    """Dice of every case by class: each case a point, the quartiles as a box, the mean as a diamond."""
    import numpy as np
    from matplotlib.figure import Figure

    classes = list(next(iter(scores.values())))
    values = [[dice for row in scores.values() if (dice := row[name].dice) is not None] for name in classes]
    figure = Figure(figsize=(1.5 + 1.6 * len(classes), 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.boxplot(values, widths=0.5, showfliers=False, showmeans=True, medianprops={"color": "black"})
    spread = np.random.default_rng(0)
    for number, points in enumerate(values, start=1):
        axes.scatter(number + spread.uniform(-0.15, 0.15, len(points)), points, s=12, alpha=0.6, linewidths=0)
    axes.set_xticks(range(1, len(classes) + 1), classes)
    axes.set_ylabel("Dice")
    axes.set_title(f"{len(scores)} cases")
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=150)
