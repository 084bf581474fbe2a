import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.crossval_fold import is_scored
from medseg.cli.options import TOLERANCE_MM
from medseg.cli.score_bundle import summaries
from medseg.cli.write_scores import write_scores
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.bundle.evaluate import CaseScore
    from medseg.bundle.sections import Postprocessing
    from medseg.runs import Run


def summarise_folds(
    run: "Run",
    source: Path,
    metadata: "BundleMetadata",
    folders: Mapping[int, Path],
    output: Path,
    *,
    keep_test: bool,
    patients: Mapping[str, str],
) -> dict[str, Any]:
    """Put the scores of the folds together: metrics.json, cases.csv and dice.png over all their cases.

    Gives the content of metrics.json. Folds that are not scored are named in it as missing; post-processing is chosen
    when none is.

    Args:
        run: The open run.
        source: The bundle that was cross-validated.
        metadata: Those of ``source``.
        folders: By number, what `run_fold` wrote for a fold, or will write.
        output: Folder to write into.
        keep_test: Whether the test set was left out of it all.
        patients: The patient of each case.

    Raises:
        UserError: no fold is scored, or one was changed since.
    """
    from medseg.bundle.load import inference_config
    from medseg.io import sha256_of

    done = {number: folder for number, folder in folders.items() if is_scored(folder)}
    if not done:
        raise UserError("no fold is finished, so there is nothing to put together: see why its cases cannot be scored")
    missing = [number for number in folders if number not in done]
    found = {
        number: json.loads((folder / "scores" / "metrics.json").read_text("utf-8")) for number, folder in done.items()
    }
    scores = {case: score for one in found.values() for case, score in _scores(one).items()}
    for case in scores:
        run.case(case)
    chosen = None if missing else _postprocessing(list(found.values()), patients)
    metrics = {
        "bundle": {
            "name": source.name,
            "version": metadata.version,
            "classes": metadata.classes,
            "inference_sha256": sha256_of(inference_config(next(iter(done.values())))),
        },
        "keep_test": keep_test,
        "missing_folds": missing,
        "tolerance_mm": TOLERANCE_MM,
        "failed": sum(one["failed"] for one in found.values()),
        **summaries(scores, patients),
        "postprocessing": chosen.model_dump() if chosen else None,
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
    if chosen:
        run.log_table("postprocessing", [item.model_dump() for item in chosen.evidence])
        gains = {(item.option, item.value): item.gain for item in chosen.evidence}
        run.log_metrics({f"gain_{option}_{value}": gain for (option, value), gain in gains.items() if gain is not None})
    write_scores(run, output, metrics, {case: score.classes for case, score in scores.items()})
    return metrics


def _postprocessing(folds: Sequence[Mapping[str, Any]], patients: Mapping[str, str]) -> "Postprocessing | None":
    """What the trials of all cases speak for; None where labels are objects, of which there are no trials."""
    from medseg.bundle.choose_postprocessing import choose_postprocessing
    from medseg.bundle.try_postprocessing import PostprocessingTrial

    trials = {
        case: [PostprocessingTrial(**trial) for trial in rows]
        for one in folds
        for case, rows in (one["postprocessing_trials"] or {}).items()
    }
    return choose_postprocessing(list(trials.values()), [patients[case] for case in trials]) if trials else None


def _scores(metrics: Mapping[str, Any]) -> "dict[str, CaseScore]":
    """The scores in the content of a metrics.json, by case."""
    from medseg.bundle.evaluate import CaseScore
    from medseg.metrics import ClassScore, InstanceScore

    return {
        row["case"]: CaseScore(
            {name: ClassScore(**row[name]) for name in metrics["summary"]},
            calibration=None,
            instances=InstanceScore(**row["objects"]) if "objects" in row else None,
        )
        for row in metrics["cases"]
    }
