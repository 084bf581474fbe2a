from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.compare_measures import MEASURE_NAMES, main_measure, measures

if TYPE_CHECKING:
    from medseg.bundle.evaluate import CaseScore


def save_finetune_figure(path: Path, before: "Mapping[str, CaseScore]", after: "Mapping[str, CaseScore]") -> None:
    """Dice, or AP of objects, of every case before and after, joined by a line, in a panel for each class."""
    from matplotlib.figure import Figure

    classes = {name: main_measure(row) for name, row in measures(next(iter(before.values()))).items()}
    figure = Figure(figsize=(1.2 + 2.2 * len(classes), 4.2), layout="constrained")
    panels = figure.subplots(1, len(classes), sharey=True, squeeze=False)[0]
    for axes, (name, measure) in zip(panels, classes.items(), strict=True):
        pairs = [[measures(scores[case])[name][measure] for scores in (before, after)] for case in before]
        for first, second in pairs:
            if first is not None and second is not None:
                axes.plot((0, 1), (first, second), color="C0" if second >= first else "C3", marker="o", markersize=4)
        axes.set_xticks((0, 1), ("before", "after"))
        axes.set_xlim(-0.3, 1.3)
        axes.set_title(f"{name}: {MEASURE_NAMES[measure]}", fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    figure.suptitle(f"{len(before)} held-out case{'s' * (len(before) != 1)}; red where it fell", fontsize=10)
    figure.savefig(path, dpi=150)
