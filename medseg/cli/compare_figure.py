import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_measures import MEASURE_NAMES, main_measure, measures
from medseg.cli.draw_picture import BUNDLE_COLOUR, BUNDLE_WIDTH, REFERENCE_COLOUR, REFERENCE_WIDTH, draw_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from medseg.cli.compare_cases import ComparedCase, Comparison

_COLOUR = "#0072b2"
_LONGEST_NAME = 30


def save_compare_figure(
    path: Path,
    comparison: "Comparison",
    differences: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    *,
    names_cases: bool,
) -> None:
    """Every case of every bundle, the paired differences, and below them the worst cases with outlines.

    Args:
        path: Of the figure.
        comparison: The scored cases and the pictures of the worst.
        differences: To the first bundle, rows as of comparison.json.
        names: What to call each bundle; the first is the one that others are compared with.
        names_cases: Whether the worst cases are named, which may be patients' names.
    """
    from matplotlib.figure import Figure

    first = measures(comparison.cases[0].scores[next(iter(names))])
    heights = (len(first) * (0.75 + 0.4 * len(names)) + 0.2, 2.6 * len(comparison.worst) + 0.6)
    figure = Figure(figsize=(max(9.0, 2.7 * len(names)), sum(heights)), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights, hspace=0.02)[:, 0]
    grid = upper.subplots(len(first), 2, sharey=True, squeeze=False, width_ratios=(3, 2))
    for (left, right), (part, row) in zip(grid, first.items(), strict=True):
        measure = main_measure(row)
        own = {item["bundle"]: item for item in differences if (item["class"], item["measure"]) == (part, measure)}
        _draw_cases(left, comparison.cases, part, measure, names)
        _draw_differences(right, own, measure, names)
    _draw_worst(lower, comparison, names, names_cases)
    figure.savefig(path, dpi=150)


def _draw_cases(
    axes: "Axes", cases: "Sequence[ComparedCase]", part: str, measure: str, names: Mapping[str, str]
) -> None:
    rows = [[measures(case.scores[name])[part][measure] for name in names] for case in cases]
    alpha = min(0.6, max(0.1, 20 / len(rows)))
    for row in rows:
        values = [math.nan if value is None else value for value in row]
        axes.plot(values, range(len(names)), color="gray", linewidth=0.5, alpha=alpha, zorder=1)
        axes.scatter(values, range(len(names)), s=12, color=_COLOUR, alpha=alpha, linewidths=0, zorder=3)
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    boxes = axes.boxplot(
        columns, positions=range(len(names)), orientation="horizontal", widths=0.45, showfliers=False, showmeans=True
    )
    for line in (line for lines in boxes.values() for line in lines):
        line.set(color="black", linewidth=1, markerfacecolor="white", markeredgecolor="black", zorder=4)
    axes.set_yticks(range(len(names)), [_folded(name) for name in names.values()])
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.set_title(f"{part}: {MEASURE_NAMES[measure]}, {len(cases)} cases; box quartiles, triangle mean", fontsize=10)
    axes.grid(axis="x", alpha=0.3)


def _draw_differences(
    axes: "Axes", differences: Mapping[str, Mapping[str, Any]], measure: str, names: Mapping[str, str]
) -> None:
    axes.axvline(0, color="gray", linewidth=1, linestyle="--")
    axes.annotate("difference to this one", (0, 0), fontsize=8, ha="center", va="center", backgroundcolor="white")
    for place, name in enumerate(names):
        if (item := differences.get(name)) is None or item["mean"] is None:
            continue
        low, high = item["ci95"] or (item["mean"], item["mean"])
        axes.plot((low, high), (place, place), color=_COLOUR, linewidth=2, solid_capstyle="butt")
        axes.plot(item["mean"], place, marker="D", color=_COLOUR, markersize=5)
        axes.annotate(
            item["verdict"], (item["mean"], place), xytext=(0, 7), textcoords="offset points", fontsize=8, ha="center"
        )
    reach = max([abs(x) for item in differences.values() for x in item["ci95"] or (item["mean"] or 0.0,)], default=0.0)
    axes.set_xlim(-1.4 * max(reach, 0.005), 1.4 * max(reach, 0.005))
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(f"difference of {MEASURE_NAMES[measure]}, 95 % interval", fontsize=10)
    axes.grid(axis="x", alpha=0.3)


def _draw_worst(figure: "SubFigure", comparison: "Comparison", names: Mapping[str, str], names_cases: bool) -> None:
    from matplotlib.lines import Line2D

    if not comparison.worst:
        return
    grid = figure.subplots(len(comparison.worst), len(names), squeeze=False)
    for number, (row, (case, picture)) in enumerate(zip(grid, comparison.worst, strict=True), start=1):
        for axes, name in zip(row, names, strict=True):
            draw_picture(axes, picture, name)
            axes.set_xlabel(_told(case, name), fontsize=8)
        own = f"\n{_shortened(case.case.id)}" if names_cases else ""
        row[0].set_ylabel(f"worst {number}{own}", fontsize=9)
    for axes, shown in zip(grid[0], names.values(), strict=True):
        axes.set_title(_folded(shown), fontsize=10)
    keys = [
        Line2D([], [], color=REFERENCE_COLOUR, linewidth=REFERENCE_WIDTH, label="reference"),
        Line2D([], [], color=BUNDLE_COLOUR, linewidth=BUNDLE_WIDTH, label="bundle"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(
        "The cases that all bundles together do worst, in the slice with most of the reference", fontsize=10
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _folded(name: str) -> str:
    return "\n".join(textwrap.wrap(name, _LONGEST_NAME))


def _told(case: "ComparedCase", name: str) -> str:
    rows = measures(case.scores[name])
    found = {part: row[main_measure(row)] for part, row in rows.items()}
    numbers = [f"{part} {'-' if value is None else f'{value:.2f}'}" for part, value in found.items()]
    measure = MEASURE_NAMES[main_measure(next(iter(rows.values())))]
    return "\n".join(textwrap.wrap(f"{measure}: {', '.join(numbers)}", 44))
