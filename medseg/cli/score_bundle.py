import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from medseg.cli.options import TOLERANCE_MM
from medseg.cli.reliability_figure import save_reliability_figure
from medseg.cli.score_cases import score_cases
from medseg.cli.write_scores import write_scores

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.metrics import ClassScore, InstanceScore
    from medseg.runs import Run
    from medseg.training.dataset import Case

T = TypeVar("T")

Scores = dict[str, dict[str, "ClassScore"]]


def score_bundle(
    run: "Run",
    bundles: "Sequence[LoadedBundle]",
    cases: "Sequence[Case]",
    output: Path,
    *,
    split: str | None,
    tolerance: float,
    mirror: bool = False,
    groups: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Score a bundle, or an ensemble, on cases; write what was found into ``output`` and log it to ``run``.

    That is metrics.json, whose content is given back, cases.csv, dice.png and, of bundles that give probabilities of
    classes, reliability.png. ``groups`` names the group of cases, and every group is summarised too. A case that cannot
    be scored is told on the terminal, counted as ``failed``, and lets the run end as FAILED.

    Raises:
        typer.Exit: no case could be scored.
    """
    from medseg.cli.outputs import make_folder
    from medseg.io import atomic_path
    from medseg.metrics import CalibrationScore

    found = score_cases(run, bundles, cases, tolerance, mirror)
    scores: Scores = {case: score.classes for case, score in found.items()}
    objects = {case: score.instances for case, score in found.items() if score.instances is not None}
    calibration = sum((score.calibration for score in found.values() if score.calibration), CalibrationScore())
    metrics = {
        **_named(bundles),
        "mirror": mirror,
        "split": split,
        "tolerance_mm": tolerance,
        "failed": len(cases) - len(scores),
        **_summaries(scores, objects),
        "groups": {
            name: _summaries(_of(members, scores), _of(members, objects))
            for name, members in _members(groups, scores).items()
        },
        "calibration": {
            "all": calibration.all.to_dict(),
            "foreground": calibration.foreground.to_dict(),
        }
        if calibration.all.n
        else None,
        "cases": [
            {
                "case": case,
                **{name: asdict(score) for name, score in row.items()},
                **({"objects": asdict(objects[case])} if case in objects else {}),
            }
            for case, row in scores.items()
        ],
    }
    if calibration.all.n:
        make_folder(output)
        with atomic_path(output / "reliability.png") as partial:
            save_reliability_figure(partial, calibration)
        run.log_figure(output / "reliability.png")
        errors = {"ece": calibration.all.ece, "ece_foreground": calibration.foreground.ece}
        run.log_metrics({name: value for name, value in errors.items() if value is not None})
    write_scores(run, output, metrics, scores)
    return metrics


def _named(bundles: "Sequence[LoadedBundle]") -> dict[str, Any]:
    """What was scored, as metrics.json has it: ``bundle``, or ``ensemble`` with an entry for each member."""
    members = [
        {"name": bundle.name, "version": bundle.metadata.version, "weights_sha256": bundle.weights_sha256}
        for bundle in bundles
    ]
    return {"bundle": members[0]} if len(members) == 1 else {"ensemble": members}


def _summaries(scores: Scores, objects: "Mapping[str, InstanceScore]") -> dict[str, Any]:
    """``summary`` by class, and ``objects`` where labels are objects, None where they are classes."""
    from medseg.metrics import summarise, summarise_instances

    return {
        "summary": {name: item.to_dict() for name, item in summarise(list(scores.values())).items()},
        "objects": summarise_instances(list(objects.values())).to_dict() if objects else None,
    }


def _of(cases: Sequence[str], table: Mapping[str, T]) -> dict[str, T]:
    return {case: table[case] for case in cases if case in table}


def _members(groups: Mapping[str, str] | None, scores: Scores) -> dict[str, list[str]]:
    """The scored cases of every group, groups by name."""
    members: dict[str, list[str]] = {}
    for case in scores:
        if groups is not None and case in groups:
            members.setdefault(groups[case], []).append(case)
    return dict(sorted(members.items()))


def summarise_folds(run: "Run", folds: dict[int, Path], output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Put the scores of several folds together: metrics.json, cases.csv and dice.png over all their cases.

    Gives the content of metrics.json.

    Args:
        run: The open run.
        folds: By number, the folder that `score_bundle` wrote for a fold.
        output: Folder to write into.
        facts: What stands first in metrics.json.
    """
    found = {number: json.loads((folder / "metrics.json").read_text("utf-8")) for number, folder in folds.items()}
    scores: Scores = {case: row for one in found.values() for case, row in scores_of(one).items()}
    objects = {case: row for one in found.values() for case, row in objects_of(one).items()}
    for case in scores:
        run.case(case)
    metrics = {
        **facts,
        "tolerance_mm": TOLERANCE_MM,
        "failed": sum(one["failed"] for one in found.values()),
        **_summaries(scores, objects),
        "folds": [
            {
                "fold": number,
                "weights_sha256": one["bundle"]["weights_sha256"],
                "n": len(one["cases"]),
                "summary": one["summary"],
                "objects": one["objects"],
            }
            for number, one in found.items()
        ],
        "cases": [
            {"case": row["case"], "fold": number, **{name: value for name, value in row.items() if name != "case"}}
            for number, one in found.items()
            for row in one["cases"]
        ],
    }
    write_scores(run, output, metrics, scores)
    return metrics


def scores_of(metrics: dict[str, Any]) -> Scores:
    """The scores in the content of a metrics.json, by case and class."""
    from medseg.metrics import ClassScore

    return {row["case"]: {name: ClassScore(**row[name]) for name in metrics["summary"]} for row in metrics["cases"]}


def objects_of(metrics: dict[str, Any]) -> "dict[str, InstanceScore]":
    """The scores of objects in the content of a metrics.json, by case; none where labels are classes."""
    from medseg.metrics import InstanceScore

    return {row["case"]: InstanceScore(**row["objects"]) for row in metrics["cases"] if "objects" in row}
