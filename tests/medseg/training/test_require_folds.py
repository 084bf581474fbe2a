from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.training.dataset import Case
from medseg.training.require_folds import require_folds

CLASSES = {1: "liver", 2: "tumour"}


def cases(**split_of: str) -> list[Case]:
    return [Case(name, Path(), Path(), split) for name, split in split_of.items()]  # type: ignore[arg-type]


def test_folds_that_hold_every_class_pass() -> None:
    fold = cases(a="train", b="validation", c="test")
    require_folds({0: fold}, {"a": {1, 2}, "b": {2}, "c": {1, 2}}, CLASSES)


def test_a_fold_whose_weights_nothing_can_choose_is_named() -> None:
    fold = cases(a="train", b="validation", c="test")
    with pytest.raises(UserError, match="choose the weights of fold 2 holds any class"):
        require_folds({2: fold}, {"a": {1, 2}, "b": set(), "c": {1, 2}}, CLASSES)


@pytest.mark.parametrize(("empty", "split"), [("a", "train"), ("c", "test")])
def test_a_class_that_no_case_holds_is_named_with_its_fold(empty: str, split: str) -> None:
    fold = cases(a="train", b="validation", c="test")
    held = {name: {1} if name == empty else {1, 2} for name in "abc"}
    with pytest.raises(UserError, match=rf"no {split} case of fold 3 holds the class tumour \(label value 2\)"):
        require_folds({3: fold}, held, CLASSES)


@pytest.mark.parametrize("absent", ["train", "validation", "test"])
def test_a_fold_without_cases_is_named(absent: str) -> None:
    fold = [case for case in cases(a="train", b="validation", c="test") if case.split != absent]
    with pytest.raises(UserError, match=f"fold 1 would have no {absent} case: 2 cases are too few"):
        require_folds({1: fold}, {name: {1, 2} for name in "abc"}, CLASSES)
