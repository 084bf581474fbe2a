from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_figure import save_compare_figure
from medseg.cli.compare_table import comparison_table
from medseg.cli.numbers import defined

if TYPE_CHECKING:
    from medseg.cli.compare_cases import Comparison
    from medseg.runs import Run

_OF_THE_BUNDLE = ("parameters", "weights_bytes", "memory_before_bytes", "memory_peak_bytes", "cuda_peak_bytes")
_SPEED = ("seconds_median", "speed_ratio")


def log_comparison(run: "Run", content: Mapping[str, Any], comparison: "Comparison", names: Mapping[str, str]) -> None:
    """Log measures, table and figure of a comparison, with bundles by the names that may be logged.

    Args:
        run: The open run.
        content: Of comparison.json.
        comparison: What the figure is drawn of.
        names: What to call each bundle.
    """
    for bundle in content["bundles"]:
        own = {key: bundle[key] for key in (*_OF_THE_BUNDLE, *_SPEED)}
        run.log_metrics({names[bundle["name"]]: defined({**own, **bundle["summary"], "objects": bundle["objects"]})})
    public = {**_renamed(content, names), "groups": {}}  # their names are the user's, and may be patients
    differences = public["differences"]
    for row in differences:
        key = f"{row['bundle']}_{row['class']}_{row['measure']}_difference"
        run.log_metrics({key: defined({"mean": row["mean"], "n": row["n"]})})
    run.log_table("cases", [_public(row, names) for row in content["cases"]])
    run.log_table("differences", differences)
    head, *rows = comparison_table(public)
    run.log_table("comparison", [dict(zip(head, row, strict=True)) for row in rows])
    with TemporaryDirectory() as folder:  # the figure beside the outputs has the names of the user's folders
        path = Path(folder) / "comparison.png"
        save_compare_figure(path, comparison, content["differences"], names, names_cases=False)
        run.log_figure(path)


def _public(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A row of a case without the names of its patient and its group, which have no pseudonyms."""
    return {key: value for key, value in row.items() if key not in ("patient", "group")} | {
        "bundle": names[row["bundle"]]
    }


def _renamed(content: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        **content,
        "bundles": [{**bundle, "name": names[bundle["name"]]} for bundle in content["bundles"]],
        "differences": [{**row, "bundle": names[row["bundle"]]} for row in content["differences"]],
    }
