from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from medseg.cli.compare_summary import case_rows, summarise_cases, summarise_speed

if TYPE_CHECKING:
    from medseg.cli.compare_cases import Comparison
    from medseg.cli.serve_bundle import BundleFacts


def comparison_content(
    comparison: "Comparison",
    facts: "Mapping[str, BundleFacts]",
    settings: Mapping[str, Any],
    groups: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What comparison.json holds.

    Args:
        comparison: At least one case that every bundle could do.
        facts: Of every bundle by name, the first being the one that others are compared with.
        settings: What was asked for; stands first.
        groups: Group of a case; each is summarised by itself too.
    """
    names, cases = list(facts), comparison.cases
    whole = summarise_cases(cases, names)
    speed = summarise_speed(cases, names)
    patients = {case.case.patient for case in cases if case.case.patient}
    members: dict[str, list[Any]] = {}
    for case in cases:
        if groups is not None and case.case.id in groups:
            members.setdefault(groups[case.case.id], []).append(case)
    return {
        **settings,
        "n": len(cases),
        "n_patients": len(patients) or None,
        "failed": len(comparison.failed),
        "failed_cases": [{"case": case, "bundles": bundles} for case, bundles in comparison.failed.items()],
        "bundles": [
            {
                **summary,
                **asdict(facts[name]),
                "memory_peak_bytes": comparison.memory_peak_bytes[name],
                "cuda_peak_bytes": comparison.cuda_peak_bytes.get(name),
                **speed[name],
            }
            for name, summary in zip(names, whole["bundles"], strict=True)
        ],
        "differences": whole["differences"],
        "groups": {group: summarise_cases(part, names) for group, part in members.items()},
        "worst": [case.case.id for case, _ in comparison.worst],
        "cases": case_rows(cases, groups),
    }
