import csv
import json
from collections.abc import Mapping
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
            {**{key: value for key, value in row.items() if key not in metrics["summary"]}, "class": name, **row[name]}
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
            f"{name}_{measure}": float(value)
            for name, item in metrics["summary"].items()
            for measure, value in item.items()
            if isinstance(value, int | float)
        }
    )
    run.log_table("cases", metrics["cases"])
    run.log_figure(output / "dice.png")
