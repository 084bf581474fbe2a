from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medseg.cli.score_bundle import Scores

MEASURES = ("dice", "nsd", "hd95")


def compare_scores(before: "Scores", after: "Scores", patients: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """How the measures of two bundles differ on the same cases: by class and measure, ready for JSON.

    Means are over the cases where the measure is defined before and after, so that the difference is that of the two
    means; its 95 percent interval is the paired one, over whole patients.

    Args:
        before: scores of the one bundle, by case and class.
        after: those of the other, of the same cases.
        patients: the patient of every case.
    """
    cases = list(before)
    return {
        name: {
            **{
                measure: _compare(
                    [getattr(before[case][name], measure) for case in cases],
                    [getattr(after[case][name], measure) for case in cases],
                    [patients[case] for case in cases],
                )
                for measure in MEASURES
            },
            "missed_before": sum(before[case][name].missed for case in cases),
            "missed_after": sum(after[case][name].missed for case in cases),
        }
        for name in before[cases[0]]
    }


def _compare(
    before: Sequence[float | None], after: Sequence[float | None], patients: Sequence[str]
) -> dict[str, object]:
    from medseg.metrics import paired_difference
    from medseg.metrics.mean import mean

    pairs = [(x, y) for x, y in zip(before, after, strict=True) if x is not None and y is not None]
    difference = asdict(paired_difference(after, before, patients))
    return {
        "before": mean([x for x, _ in pairs]),
        "after": mean([y for _, y in pairs]),
        "difference": difference.pop("mean"),
        **difference,
    }
