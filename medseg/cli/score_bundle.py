from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.reliability_figure import save_reliability_figure
from medseg.cli.score_cases import score_cases
from medseg.cli.write_scores import write_scores

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.bundle.evaluate import CaseScore
    from medseg.metrics import ClassScore
    from medseg.runs import Run
    from medseg.training.dataset import Case

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
    with_trials: bool = False,
) -> dict[str, Any]:
    """Score a bundle, or an ensemble, on cases; write what was found into ``output`` and log it to ``run``.

    That is metrics.json, whose content is given back, cases.csv, dice.png and, of bundles that give probabilities of
    classes, reliability.png. ``groups`` names the group of cases, and every group is summarised too. ``with_trials``
    keeps what options of post-processing would do to each case. A case that cannot be scored is told on the terminal,
    counted as ``failed``, and lets the run end as FAILED.

    Raises:
        typer.Exit: no case could be scored.
    """
    from medseg.cli.outputs import make_folder
    from medseg.io import atomic_path
    from medseg.metrics import CalibrationScore

    found = score_cases(run, bundles, cases, tolerance, mirror, with_trials)
    scores: Scores = {case: score.classes for case, score in found.items()}
    patients = {case.id: case.owner for case in cases}
    trials = {case: [trial.model_dump() for trial in score.trials] for case, score in found.items() if score.trials}
    calibration = sum((score.calibration for score in found.values() if score.calibration), CalibrationScore())
    metrics = {
        **_named(bundles),
        "mirror": mirror,
        "split": split,
        "tolerance_mm": tolerance,
        "failed": len(cases) - len(scores),
        **summaries(found, patients),
        "groups": {
            name: summaries({case: found[case] for case in members}, patients)
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
                **{name: asdict(item) for name, item in score.classes.items()},
                **({"objects": asdict(score.instances)} if score.instances else {}),
            }
            for case, score in found.items()
        ],
        **({"postprocessing_trials": trials or None} if with_trials else {}),
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


def summaries(scores: "Mapping[str, CaseScore]", patients: Mapping[str, str]) -> dict[str, Any]:
    """``summary`` by class, and ``objects`` where labels are objects, None where they are classes.

    Args:
        scores: those of every case.
        patients: the patient of every case, as a whole drawn for the intervals.
    """
    from medseg.metrics import summarise, summarise_instances

    owners = [patients[case] for case in scores]
    classes = summarise([score.classes for score in scores.values()], owners)
    objects = [score.instances for score in scores.values() if score.instances is not None]
    return {
        "summary": {name: item.to_dict() for name, item in classes.items()},
        "objects": summarise_instances(objects, owners).to_dict() if objects else None,
    }


def _members(groups: Mapping[str, str] | None, scores: Scores) -> dict[str, list[str]]:
    """The scored cases of every group, groups by name."""
    members: dict[str, list[str]] = {}
    for case in scores:
        if groups is not None and case in groups:
            members.setdefault(groups[case], []).append(case)
    return dict(sorted(members.items()))
