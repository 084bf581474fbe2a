from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from medseg.cli.console import progress, say
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.bundle.evaluate import CaseScore
    from medseg.runs import Run
    from medseg.training.dataset import Case


def score_cases(
    run: "Run",
    bundles: "Sequence[LoadedBundle]",
    cases: "Sequence[Case]",
    tolerance: float,
    mirror: bool = False,
    with_trials: bool = False,
) -> "dict[str, CaseScore]":
    """Score a bundle, or an ensemble, on cases; gives the scores by case.

    A case that cannot be scored is told on the terminal, is not in the scores, and lets the run end as FAILED.

    Raises:
        typer.Exit: no case could be scored.
    """
    from medseg.bundle.evaluate import score_files

    scores: dict[str, CaseScore] = {}
    for case in progress(cases, "evaluating"):
        run.case(case.id)
        try:
            scores[case.id] = score_files(bundles, case.image, case.label, tolerance, mirror, with_trials)
            run.add_input(case.image)
            run.add_input(case.label)
        except UserError as error:
            say(f"medseg: {error}")
    if failed := len(cases) - len(scores):
        run.fail(f"{failed} of {len(cases)} cases failed")
    if not scores:
        raise typer.Exit(2)
    return scores
