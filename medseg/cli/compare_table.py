from collections.abc import Mapping, Sequence
from typing import Any

from medseg.cli.compare_measures import MEASURE_NAMES

MB = 1e6


def comparison_table(content: Mapping[str, Any]) -> list[list[str]]:
    """The one table of a comparison: a first row with the bundles, then a row a measure.

    Args:
        content: Of comparison.json.
    """
    bundles: list[Mapping[str, Any]] = content["bundles"]
    rows = [["measure", *(bundle["name"] for bundle in bundles)]]
    for part, first in bundles[0]["summary"].items():
        own = [bundle["summary"][part] for bundle in bundles]
        rows.append([f"{part}: Dice, mean ± SD", *(_plus_minus(item["dice_mean"], item["dice_std"]) for item in own)])
        rows.append(_against(content, part, "dice"))
        rows.append([f"{part}: HD95, mean (mm)", *(_number(item["hd95_mean"], 2) for item in own)])
        rows.append(_against(content, part, "hd95"))
        rows.append(
            [f"{part}: NSD at {content['tolerance_mm']:g} mm, mean", *(_number(item["nsd_mean"]) for item in own)]
        )
        rows.append(_against(content, part, "nsd"))
        of = first["n"] + first["n_undefined"]
        rows.append([f"{part}: missed, spurious of {of}", *(f"{item['missed']}, {item['spurious']}" for item in own)])
    if bundles[0]["objects"]:
        objects = [bundle["objects"] for bundle in bundles]
        part = next(row["class"] for row in content["differences"] if row["measure"] == "ap50")
        rows.append(["objects: AP at IoU .5, mean", *(_number(item["ap50_mean"]) for item in objects)])
        rows.append(_against(content, part, "ap50"))
        rows.append(["objects: panoptic quality, mean", *(_number(item["pq_mean"]) for item in objects)])
        rows.append(_against(content, part, "pq"))
    rows.append(["seconds a case, median", *(_number(bundle["seconds_median"]) for bundle in bundles)])
    rows.append(["times as fast, median (quartiles)", "1", *(_ratio(bundle) for bundle in bundles[1:])])
    rows.append(["memory, peak (MB)", *(_megabytes(bundle["memory_peak_bytes"]) for bundle in bundles)])
    rows.append(["of it before loading (MB)", *(_megabytes(bundle["memory_before_bytes"]) for bundle in bundles)])
    if any(bundle["cuda_peak_bytes"] for bundle in bundles):
        rows.append(["GPU memory, peak (MB)", *(_megabytes(bundle["cuda_peak_bytes"]) for bundle in bundles)])
    rows.append(["parameters (millions)", *(f"{bundle['parameters'] / 1e6:.2f}" for bundle in bundles)])
    rows.append(["weights (MB)", *(f"{bundle['weights_bytes'] / MB:.1f}" for bundle in bundles)])
    return rows


def comparison_markdown(content: Mapping[str, Any]) -> str:
    """The table in Markdown, ready for a bundle's card, with how it was made."""
    head, *rows = comparison_table(content)
    lines = [_line(head), _line(["---"] * len(head)), *map(_line, rows)]
    return "\n".join(
        [
            f"Compared on the same {content['n']} cases of {content['n_patients']} patients, "
            f"{content['failed']} more failed. {NOTE}",
            "",
            *lines,
            "",
            "```",
            content["command"],
            "```",
            "",
        ]
    )


NOTE = (
    "A difference is that to the first bundle, mean over cases with a 95 percent bootstrap interval by patient; an "
    "interval that holds 0 shows none. Intervals are not corrected for how many there are."
)


def _against(content: Mapping[str, Any], part: str, measure: str) -> list[str]:
    cells = []
    for bundle in content["bundles"][1:]:
        row = next(
            row
            for row in content["differences"]
            if (row["bundle"], row["class"], row["measure"]) == (bundle["name"], part, measure)
        )
        cells.append(told(row))
    return [f"— {MEASURE_NAMES[measure]}, difference (n)", "-", *cells]


def told(row: Mapping[str, Any]) -> str:
    """A paired difference with its interval, its number of cases and what it means, in one line."""
    if row["mean"] is None:
        return f"- (0): {row['verdict']}"
    interval = " [{:+.3f}, {:+.3f}]".format(*row["ci95"]) if row["ci95"] else ""
    return f"{row['mean']:+.3f}{interval} ({row['n']}): {row['verdict']}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _plus_minus(mean: float | None, spread: float | None) -> str:
    return f"{_number(mean)} ± {_number(spread)}"


def _number(value: float | None, decimals: int = 3) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _ratio(bundle: Mapping[str, Any]) -> str:
    low, high = bundle["speed_ratio_quartiles"]
    return f"{bundle['speed_ratio']:.2f} ({low:.2f} to {high:.2f})"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / MB:.0f}"
