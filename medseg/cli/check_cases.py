from collections.abc import Sequence
from typing import TYPE_CHECKING

from medseg.cli.console import progress

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.runs import Run
    from medseg.training.dataset import Case


def check_cases(run: "Run", cases: "Sequence[Case]", metadata: "BundleMetadata") -> dict[str, set[int]]:
    """Refuse cases that cannot be trained on; gives the label values of the classes that each one's label holds.

    Raises:
        UserError: a case cannot be trained on.
    """
    from medseg.training.verify import verify_case

    held: dict[str, set[int]] = {}
    for case in progress(cases, "checking"):
        run.case(case.id)
        held[case.id] = verify_case(case, metadata)
    return held
