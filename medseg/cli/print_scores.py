from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from medseg.cli.console import print_table

if TYPE_CHECKING:
    from collections.abc import Callable


def print_scores(metrics: Mapping[str, Any]) -> None:
    """Print the worst cases, the summary and the calibration in the content of a metrics.json."""
    summary: dict[str, dict[str, Any]] = metrics["summary"]
    worst = sorted(metrics["cases"], key=lambda row: min(row[name]["dice"] or 0.0 for name in summary))[:3]
    print_table(
        "Worst cases (Dice)",
        ["case", *summary],
        [(row["case"], *(row[name]["dice"] for name in summary)) for row in worst],
    )
    measures: dict[str, Callable[[dict[str, Any]], object]] = {
        "n": lambda item: item["n"],
        "Dice, mean ± SD": lambda item: f"{_three(item['dice_mean'])} ± {_three(item['dice_std'])}",
        "Dice, 95 % interval of the mean": lambda item: " to ".join(map(_three, item["dice_ci95"] or ())) or None,
        "HD95, mean (mm)": lambda item: item["hd95_mean"],
        f"NSD at {metrics['tolerance_mm']:g} mm, mean": lambda item: item["nsd_mean"],
        "volume error, mean (ml)": lambda item: item["volume_error_ml_mean"],
        "missed": lambda item: item["missed"],
        "spurious": lambda item: item["spurious"],
    }
    rows = [(name, *(measure(item) for item in summary.values())) for name, measure in measures.items()]
    print_table("Summary", ["measure", *summary], rows)
    if calibration := metrics.get("calibration"):
        parts = (calibration["all"], calibration["foreground"])
        told = {"expected calibration error": "ece", "Brier score": "brier", "negative log-likelihood": "nll"}
        print_table(
            "Calibration",
            ["measure", "all voxels", "foreground"],
            [(name, *(part[measure] for part in parts)) for name, measure in told.items()],
        )


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
