from collections.abc import Mapping, Sequence

from medseg.errors import UserError
from medseg.training.dataset import Case


def require_folds(
    cases_of: Mapping[int, Sequence[Case]], held: Mapping[str, set[int]], classes: Mapping[int, str]
) -> None:
    """Refuse folds that cannot be trained or scored, before one is.

    Args:
        cases_of: The cases of every fold, with their splits.
        held: By case id, the label values of the classes that its label holds.
        classes: Name of each label value.

    Raises:
        UserError: a fold trains, validates or tests on no case at all, no case that it trains or tests on holds a
            class, or none that chooses its weights holds any; the sentence names the fold, and the class.
    """
    for fold, cases in cases_of.items():
        for split in ("train", "validation", "test"):
            if not any(case.split == split for case in cases):
                raise UserError(
                    f"fold {fold} would have no {split} case: {len(cases)} cases are too few, or of too few patients, "
                    f"for {len(cases_of)} folds: give more of them, or fewer --folds"
                )
        if not any(held[case.id] & classes.keys() for case in cases if case.split == "validation"):
            raise UserError(
                f"none of the cases that choose the weights of fold {fold} holds any class: give more cases, or label "
                "them"
            )
        for split in ("train", "test"):
            found = set().union(*(held[case.id] for case in cases if case.split == split))
            for value, name in classes.items():
                if value not in found:
                    raise UserError(
                        f"no {split} case of fold {fold} holds the class {name} (label value {value}): give more "
                        "cases, or fewer folds"
                    )
