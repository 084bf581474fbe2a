from collections.abc import Mapping
from typing import Any

from medseg.cli.console import print_table, say
from medseg.cli.print_postprocessing import print_postprocessing
from medseg.cli.print_scores import print_scores


def print_folds(metrics: Mapping[str, Any], classes: Mapping[int, str]) -> None:
    """Print what `summarise_folds` found: the means of each fold, the scores of all cases, and the post-processing."""
    from medseg.bundle.sections import Postprocessing

    if metrics["objects"]:
        means = [(one["objects"]["ap50_mean"], one["objects"]["pq_mean"]) for one in metrics["folds"]]
        rows = [(one["fold"], one["n"], *mean) for one, mean in zip(metrics["folds"], means, strict=True)]
        print_table("Objects of each fold, mean", ["fold", "n", "AP at IoU .5", "PQ"], rows)
    else:
        names = list(metrics["summary"])
        dice = [[one["summary"][name]["dice_mean"] for name in names] for one in metrics["folds"]]
        rows = [(one["fold"], one["n"], *means) for one, means in zip(metrics["folds"], dice, strict=True)]
        print_table("Dice of each fold, mean", ["fold", "n", *names], rows)
    print_scores(metrics)
    if metrics["postprocessing"]:
        print_postprocessing(Postprocessing(**metrics["postprocessing"]), classes)
    if metrics["missing_folds"]:
        missing = ", ".join(map(str, metrics["missing_folds"]))
        say(f"not done yet: fold {missing}; post-processing is chosen when all folds are there")
