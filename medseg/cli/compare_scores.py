from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_measures import measures

if TYPE_CHECKING:
    from medseg.bundle.evaluate import CaseScore


def compare_scores(
    before: "Mapping[str, CaseScore]", after: "Mapping[str, CaseScore]", patients: Mapping[str, str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """How the measures of two bundles differ on the same cases: by class and measure, ready for JSON.

    Means are over the cases where the measure is defined before and after, so that the difference is that of the two
    means; its 95 percent interval is the paired one, over whole patients.

    Args:
        before: scores of the one bundle, by case.
        after: those of the other, of the same cases.
        patients: the patient of every case.
    """
    owners = [patients[case] for case in before]
    first = [measures(score) for score in before.values()]
    second = [measures(after[case]) for case in before]
    return {
        name: {
            measure: _compare([row[name][measure] for row in first], [row[name][measure] for row in second], owners)
            for measure in part
        }
        for name, part in first[0].items()
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
