from collections.abc import Sequence
from typing import TYPE_CHECKING

from medseg.cli.console import progress, say

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.runs import Run
    from medseg.training.case_facts import CaseFacts
    from medseg.training.dataset import Case


def check_cases(run: "Run", cases: "Sequence[Case]", metadata: "BundleMetadata") -> "dict[str, CaseFacts]":
    """Refuse cases that cannot be trained on; gives what each one is like, by its id.

    Raises:
        UserError: a case cannot be trained on.
    """
    from medseg.training.dataset import labels_without_image
    from medseg.training.verify import verify_case

    if cases and (lost := labels_without_image(cases)):
        say(f"warning: {len(lost)} labels have no image and are left out, the first being {lost[0]}")
    facts: dict[str, CaseFacts] = {}
    for case in progress(cases, "checking"):
        run.case(case.id)
        facts[case.id] = verify_case(case, metadata)
    return facts
