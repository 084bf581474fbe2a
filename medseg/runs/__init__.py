"""One MLflow run around every command; importing this loads neither MLflow nor torch."""

from medseg.runs.lifecycle import open_run
from medseg.runs.listing import RunSummary, list_runs
from medseg.runs.repair import Repair, RepairedRun, repair_runs
from medseg.runs.run import Run

__all__ = [
    "Repair",
    "RepairedRun",
    "Run",
    "RunSummary",
    "list_runs",
    "open_run",
    "repair_runs",
]
