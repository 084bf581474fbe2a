from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from medseg.cli.compare_measures import HIGHER_IS_BETTER, measures
from medseg.cli.score_bundle import summaries

if TYPE_CHECKING:
    from medseg.cli.compare_cases import ComparedCase
    from medseg.metrics import PairedDifference


def summarise_cases(cases: "Sequence[ComparedCase]", names: Sequence[str]) -> dict[str, Any]:
    """What cases say of the bundles: ``bundles`` with the summary of each, ``differences`` to the first of ``names``.

    A difference is that of a bundle less the first, over the same cases, with whole patients resampled.
    """
    return {
        "n": len(cases),
        "bundles": [{"name": name, **_summary(cases, name)} for name in names],
        "differences": [row for name in names[1:] for row in _differences(cases, name, names[0])],
    }


def summarise_speed(cases: "Sequence[ComparedCase]", names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Median seconds of every bundle, and how many times as fast as the first it is, case by case."""
    found = {}
    for name in names:
        ratios = [case.seconds[names[0]] / case.seconds[name] for case in cases]
        low, middle, high = (float(value) for value in np.percentile(ratios, (25, 50, 75)))
        found[name] = {
            "seconds_median": float(np.median([case.seconds[name] for case in cases])),
            "speed_ratio": middle,
            "speed_ratio_quartiles": (low, high),
        }
    return found


def verdict(difference: "PairedDifference", higher_is_better: bool) -> str:
    """A paired difference in plain words: better, worse, no difference shown, or too few cases to tell."""
    from medseg.metrics.paired import FEWEST_GROUPS

    if difference.ci95 is None or difference.n_groups < FEWEST_GROUPS:
        return "too few cases"
    low, high = difference.ci95
    if low <= 0 <= high:
        return "no difference shown"
    return "better" if (low > 0) is higher_is_better else "worse"


def _summary(cases: "Sequence[ComparedCase]", name: str) -> dict[str, Any]:
    scores = {case.case.id: case.scores[name] for case in cases}
    return summaries(scores, {case.case.id: case.case.owner for case in cases})


def _differences(cases: "Sequence[ComparedCase]", name: str, reference: str) -> list[dict[str, Any]]:
    from medseg.metrics import paired_difference

    patients = [case.case.owner for case in cases]
    own = [measures(case.scores[name]) for case in cases]
    others = [measures(case.scores[reference]) for case in cases]
    rows = []
    for part, row in own[0].items():
        for measure in row:
            found = paired_difference(
                [item[part][measure] for item in own], [item[part][measure] for item in others], patients
            )
            words = verdict(found, HIGHER_IS_BETTER[measure])
            rows.append({"bundle": name, "class": part, "measure": measure, **asdict(found), "verdict": words})
    return rows


def case_rows(cases: "Sequence[ComparedCase]", groups: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """A row for every case, bundle and class, with all that was measured."""
    rows = []
    for case in cases:
        place = {"case": case.case.id, "patient": case.case.patient}
        if groups is not None:
            place["group"] = groups.get(case.case.id)
        for name, score in case.scores.items():
            for part, row in measures(score).items():
                found: dict[str, Any] = {**asdict(score.classes[part]), **row} if part in score.classes else {**row}
                rows.append({**place, "bundle": name, "class": part, **found, "seconds": case.seconds[name]})
    return rows
