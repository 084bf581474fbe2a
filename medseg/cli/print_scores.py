from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_measures import unit_of
from medseg.cli.console import print_table

if TYPE_CHECKING:
    from collections.abc import Callable


def print_scores(metrics: Mapping[str, Any]) -> None:
    """Print the worst cases, the summary and the calibration in the content of a metrics.json."""
    summary: dict[str, dict[str, Any]] = metrics["summary"]
    if metrics["objects"]:
        scored = [row for row in metrics["cases"] if row["objects"]["ap"]["0.50"] is not None]
        worst = sorted(scored, key=lambda row: float(row["objects"]["ap"]["0.50"]))[:3]
        rows = [(row["case"], row["objects"]["ap"]["0.50"], row["objects"]["pq"]) for row in worst]
        print_table("Worst images", ["case", "AP at IoU .5", "PQ"], rows)
    else:
        lowest = {
            number: min(values)
            for number, row in enumerate(metrics["cases"])
            if (values := [row[name]["dice"] for name in summary if row[name]["dice"] is not None])
        }
        worst = [metrics["cases"][number] for number in sorted(lowest, key=lowest.__getitem__)[:3]]
        rows = [(row["case"], *(row[name]["dice"] for name in summary)) for row in worst]
        print_table("Worst cases (Dice)", ["case", *summary], rows)
    unit = unit_of(summary)
    measures: dict[str, Callable[[dict[str, Any]], object]] = {
        "n": lambda item: item["n"],
        "Dice, mean ± SD": lambda item: f"{_three(item['dice_mean'])} ± {_three(item['dice_std'])}",
        "Dice, 95 % interval of the mean": lambda item: " to ".join(map(_three, item["dice_ci95"] or ())) or None,
        f"HD95, mean ({unit})": lambda item: item["hd95_mean"],
        f"NSD at {metrics['tolerance_mm']:g} {unit}, mean": lambda item: item["nsd_mean"],
        "volume error, mean (ml)": lambda item: item["volume_error_ml_mean"],
        "missed": lambda item: item["missed"],
        "spurious": lambda item: item["spurious"],
    }
    print_table(
        "Summary",
        ["measure", *summary],
        [(name, *(measure(item) for item in summary.values())) for name, measure in measures.items()],
    )
    columns = {"all": metrics["objects"], **{name: part["objects"] for name, part in metrics.get("groups", {}).items()}}
    if metrics["objects"]:
        print_table(
            "Objects",
            ["measure", *columns],
            [(name, *(told(item) for item in columns.values())) for name, told in _OBJECTS.items()],
        )
    if calibration := metrics.get("calibration"):
        parts = (calibration["all"], calibration["foreground"])
        told = {"expected calibration error": "ece", "Brier score": "brier", "negative log-likelihood": "nll"}
        print_table(
            "Calibration",
            ["measure", "all voxels", "foreground"],
            [(name, *(part[measure] for part in parts)) for name, measure in told.items()],
        )


# Of a summary of objects, what to tell and how.
_OBJECTS: dict[str, "Callable[[dict[str, Any]], object]"] = {
    "images": lambda item: item["n"],
    "objects": lambda item: item["n_reference"],
    "found": lambda item: item["n_predicted"],
    "AP at IoU .5, mean": lambda item: item["ap50_mean"],
    "AP at IoU .5, 95 % interval": lambda item: " to ".join(map(_three, item["ap50_ci95"] or ())) or None,
    "AP at IoU .5, all objects together": lambda item: item["ap50_pooled"],
    "AP at IoU .75, mean": lambda item: item["ap_mean"]["0.75"],
    "PQ, mean": lambda item: item["pq_mean"],
    "PQ, 95 % interval": lambda item: " to ".join(map(_three, item["pq_ci95"] or ())) or None,
}


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
