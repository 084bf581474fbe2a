from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from medseg.cli.console import progress, say
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.metrics import CalibrationScore, ClassScore
    from medseg.runs import Run
    from medseg.training.dataset import Case

    Scores = dict[str, dict[str, ClassScore]]


def score_cases(
    run: "Run", bundles: "Sequence[LoadedBundle]", cases: "Sequence[Case]", tolerance: float, mirror: bool = False
) -> "tuple[Scores, CalibrationScore]":
    """Score a bundle, or an ensemble, on cases: scores by case and class, and how far probabilities can be believed.

    A case that cannot be scored is told on the terminal, is not in the scores, and lets the run end as FAILED.

    Raises:
        typer.Exit: no case could be scored.
    """
    from medseg.bundle.evaluate import score_files
    from medseg.metrics import CalibrationScore

    scores: Scores = {}
    calibration = CalibrationScore()
    for case in progress(cases, "evaluating"):
        run.case(case.id)
        try:
            score = score_files(bundles, case.image, case.label, tolerance, mirror)
            scores[case.id] = score.classes
            calibration += score.calibration or CalibrationScore()
            run.add_input(case.image)
            run.add_input(case.label)
        except UserError as error:
            say(f"medseg: {error}")
    if failed := len(cases) - len(scores):
        run.fail(f"{failed} of {len(cases)} cases failed")
    if not scores:
        raise typer.Exit(2)
    return scores, calibration
