import csv
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medseg.metrics import ClassScore
    from medseg.runs import Run


def write_scores(
    run: "Run", output: Path, metrics: Mapping[str, Any], scores: "Mapping[str, Mapping[str, ClassScore]]"
) -> None:
    """Write cases.csv, dice.png and, last of them, metrics.json into ``output``; log all three to ``run``."""
    from medseg.cli.dice_figure import save_dice_figure
    from medseg.io.atomic import atomic_path

    output.mkdir(parents=True, exist_ok=True)
    with (
        atomic_path(output / "cases.csv") as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        rows = [
            {**_told_once(row, metrics["summary"]), "class": name, **row[name], **_objects(row)}
            for row in metrics["cases"]
            for name in metrics["summary"]
        ]
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with atomic_path(output / "dice.png") as partial:
        save_dice_figure(partial, scores)
    with atomic_path(output / "metrics.json") as partial:
        partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    run.log_metrics(
        {
            f"{name}_{measure}": value
            for name, item in metrics["summary"].items()
            for measure, value in _numbers(item).items()
        }
    )
    run.log_metrics({f"objects_{name}": value for name, value in _numbers(metrics["objects"] or {}).items()})
    run.log_table("cases", metrics["cases"])
    run.log_figure(output / "dice.png")


def _told_once(row: Mapping[str, Any], classes: Collection[str]) -> dict[str, Any]:
    """What a row of metrics.json says of the case rather than of one of its classes."""
    return {key: value for key, value in row.items() if key not in classes and key != "objects"}


def _objects(row: Mapping[str, Any]) -> dict[str, Any]:
    """The measures of a case's objects as columns; none where labels are classes."""
    if "objects" not in row:
        return {}
    columns = {key: value for key, value in row["objects"].items() if key not in ("ap", "true_positives")}
    return columns | {f"ap_{threshold}": value for threshold, value in row["objects"]["ap"].items()}


def _numbers(summary: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in summary.items() if isinstance(value, int | float)}
