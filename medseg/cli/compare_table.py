from collections.abc import Mapping, Sequence
from typing import Any

from medseg.cli.compare_measures import MEASURE_NAMES, unit_of

MB = 1e6


def comparison_table(content: Mapping[str, Any]) -> list[list[str]]:
    """The one table of a comparison: a first row with the bundles, then a row a measure.

    Args:
        content: Of comparison.json.
    """
    bundles: list[Mapping[str, Any]] = content["bundles"]
    rows = [["measure", *(bundle["name"] for bundle in bundles)]]
    rows += _qualities(content, content["tolerance_mm"])
    for group, part in content["groups"].items():
        rows += [[f"{group}, {part['n']} cases: {name}", *cells] for name, *cells in _main_qualities(part)]
    rows.append(["seconds a case, median", *(_number(bundle["seconds_median"]) for bundle in bundles)])
    rows.append(["times as fast, median (quartiles)", "1", *(_ratio(bundle) for bundle in bundles[1:])])
    rows.append(["memory, peak (MB)", *(_megabytes(bundle["memory_peak_bytes"]) for bundle in bundles)])
    rows.append(["of it before loading (MB)", *(_megabytes(bundle["memory_before_bytes"]) for bundle in bundles)])
    if any(bundle["cuda_peak_bytes"] for bundle in bundles):
        rows.append(["GPU memory, peak (MB)", *(_megabytes(bundle["cuda_peak_bytes"]) for bundle in bundles)])
    rows.append(["parameters (millions)", *(f"{bundle['parameters'] / 1e6:.2f}" for bundle in bundles)])
    rows.append(["weights (MB)", *(f"{bundle['weights_bytes'] / MB:.1f}" for bundle in bundles)])
    return rows


def _qualities(content: Mapping[str, Any], tolerance: float) -> list[list[str]]:
    bundles = content["bundles"]
    rows = []
    if bundles[0]["objects"]:
        for measure in ("ap50", "pq"):
            rows += _with_difference(content, "objects", measure)
    unit = unit_of(bundles[0]["summary"])
    for part, first in bundles[0]["summary"].items():
        how = {"hd95": f" ({unit})", "nsd": f" at {tolerance:g} {unit}"}
        for measure in ("dice", "hd95", "nsd"):
            rows += _with_difference(content, part, measure, how.get(measure, ""))
        own = [bundle["summary"][part] for bundle in bundles]
        of = first["n"] + first["n_undefined"]
        rows.append([f"{part}: missed, spurious of {of}", *(f"{item['missed']}, {item['spurious']}" for item in own)])
    return rows


def _main_qualities(content: Mapping[str, Any]) -> list[list[str]]:
    first = content["bundles"][0]
    if first["objects"]:
        return _with_difference(content, "objects", "ap50")
    return [row for part in first["summary"] for row in _with_difference(content, part, "dice")]


def comparison_markdown(content: Mapping[str, Any]) -> str:
    """The table in Markdown, ready for a bundle's card, with how it was made."""
    head, *rows = comparison_table(content)
    lines = [_line(head), _line(["---"] * len(head)), *map(_line, rows)]
    patients = f" of {content['n_patients']} patients" if content["n_patients"] else ""
    failed = f"; {content['failed']} more could not be done by all" if content["failed"] else ""
    text = f"Compared on the same {content['n']} cases{patients}{failed}. {NOTE}"
    bundles = [
        f"{bundle['name']}: version {bundle['version']}, weights with sha256 {bundle['weights_sha256'][:12]}"
        for bundle in content["bundles"]
    ]
    worst = f"Worst cases, mean over bundles and classes: {', '.join(content['worst']) or 'none'}"
    below = [f"- {item}" for item in (*bundles, worst)]
    return "\n".join([text, "", *lines, "", *below, "", "```", content["command"], "```", ""])


NOTE = (
    "A difference is that to the first bundle, mean over cases with a 95 percent bootstrap interval by patient; an "
    "interval that holds 0 shows none. Intervals are not corrected for how many there are."
)


def _with_difference(content: Mapping[str, Any], part: str, measure: str, how: str = "") -> list[list[str]]:
    """The row of a measure's mean, and that of how others differ from the first bundle."""
    first, *others = content["bundles"]
    is_of_objects = part == "objects" and first["objects"]
    own = [bundle["objects"] if is_of_objects else bundle["summary"][part] for bundle in content["bundles"]]
    rows = {
        row["bundle"]: row
        for row in content["differences"]
        if row["measure"] == measure and (is_of_objects or row["class"] == part)
    }
    name = f"{part}: {MEASURE_NAMES[measure]}{how}"
    means = [
        _number(item[f"{measure}_mean"]) + (f" ± {_number(item['dice_std'])}" if measure == "dice" else "")
        for item in own
    ]
    spread = ", mean ± SD" if measure == "dice" else ", mean"
    return [[name + spread, *means], [f"{name}, difference", "-", *(told(rows[other["name"]]) for other in others)]]


def told(row: Mapping[str, Any]) -> str:
    """A paired difference with its interval, its number of cases and what it means, in one line."""
    if row["mean"] is None:
        return f"n 0: {row['verdict']}"
    interval = " [{:+.4f}, {:+.4f}]".format(*row["ci95"]) if row["ci95"] else ""
    return f"{row['mean']:+.4f}{interval}, n {row['n']}: {row['verdict']}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ratio(bundle: Mapping[str, Any]) -> str:
    low, high = bundle["speed_ratio_quartiles"]
    return f"{bundle['speed_ratio']:.2f} ({low:.2f} to {high:.2f})"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / MB:.0f}"
