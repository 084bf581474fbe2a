import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_figure import save_compare_figure
from medseg.cli.compare_table import comparison_markdown

if TYPE_CHECKING:
    from medseg.cli.compare_cases import Comparison

FILES = ("comparison.csv", "comparison.md", "comparison.png", "comparison.json")


def write_comparison(output: Path, content: Mapping[str, Any], comparison: "Comparison") -> None:
    """Write the rows of all cases, the table, the figure and, last of them, all of it as JSON into ``output``."""
    from medseg.io.atomic import atomic_path

    with (
        atomic_path(output / "comparison.csv") as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(content["cases"][0]))
        writer.writeheader()
        writer.writerows(content["cases"])
    with atomic_path(output / "comparison.md") as partial:
        partial.write_text(comparison_markdown(content), encoding="utf-8", errors="surrogateescape")
    names = {bundle["name"]: bundle["name"] for bundle in content["bundles"]}
    with atomic_path(output / "comparison.png") as partial:
        save_compare_figure(partial, comparison, content["differences"], names, names_cases=True)
    with atomic_path(output / "comparison.json") as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
