from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_STYLES: dict[str, Literal[":", "--", "-"]] = {"low": ":", "mid": "--", "high": "-"}


def save_benchmark_figure(path: Path, rows: Sequence[Mapping[str, Any]], note: str) -> None:
    """Alpha by SNR, a panel a scenario, a colour a linker, and a line style a density.

    Args:
        path: Of the figure.
        rows: With scenario, density, snr, linker and alpha.
        note: Stands below.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    linkers = list(dict.fromkeys(row["linker"] for row in rows))
    levels = sorted({row["snr"] for row in rows})
    figure = Figure(figsize=(2.2 + 2.9 * len(scenarios), 3.9), layout="constrained")
    panels = figure.subplots(1, len(scenarios), sharex=True, sharey=True, squeeze=False)[0]
    for axes, scenario in zip(panels, scenarios, strict=True):
        for number, linker in enumerate(linkers):
            beside = 0.06 * (number - (len(linkers) - 1) / 2)  # so that no line hides another
            for density, style in _STYLES.items():
                line = sorted(
                    (levels.index(row["snr"]), row["alpha"])
                    for row in rows
                    if (row["scenario"], row["linker"], row["density"]) == (scenario, linker, density)
                )
                axes.plot(
                    [snr + beside for snr, _ in line],
                    [alpha for _, alpha in line],
                    linestyle=style,
                    marker="o",
                    markersize=4,
                    color=_COLOURS[number % len(_COLOURS)],
                )
        axes.set_xticks(range(len(levels)), [str(level) for level in levels])
        axes.set(xlabel="SNR", title=scenario, ylim=(0, 1), xlim=(-0.5, len(levels) - 0.5))
        axes.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel("alpha")
    keys = [Line2D([], [], color=_COLOURS[n % len(_COLOURS)], label=name) for n, name in enumerate(linkers)]
    present = {row["density"] for row in rows}
    keys += [
        Line2D([], [], color="grey", linestyle=style, label=name) for name, style in _STYLES.items() if name in present
    ]
    figure.legend(handles=keys, loc="outside right upper", frameon=False)
    figure.supxlabel(note, fontsize=7, wrap=True)
    figure.savefig(path, dpi=150)
