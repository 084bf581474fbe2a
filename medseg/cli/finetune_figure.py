from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medseg.cli.score_bundle import Scores


def save_finetune_figure(path: Path, before: "Scores", after: "Scores") -> None:
    """Dice of every case before and after, joined by a line, in a panel for each class."""
    from matplotlib.figure import Figure

    classes = list(next(iter(before.values())))
    figure = Figure(figsize=(1.2 + 2.2 * len(classes), 4.2), layout="constrained")
    panels = figure.subplots(1, len(classes), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, classes, strict=True):
        pairs = [(before[case][name].dice, after[case][name].dice) for case in before]
        for first, second in pairs:
            if first is not None and second is not None:
                axes.plot((0, 1), (first, second), color="C0" if second >= first else "C3", marker="o", markersize=4)
        axes.set_xticks((0, 1), ("before", "after"))
        axes.set_xlim(-0.3, 1.3)
        axes.set_title(name, fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel("Dice")
    figure.suptitle(f"{len(before)} held-out case{'s' * (len(before) != 1)}; red where it fell", fontsize=10)
    figure.savefig(path, dpi=150)
