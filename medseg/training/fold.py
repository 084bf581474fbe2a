from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from medseg.errors import UserError
from medseg.training.folds import PARTS


class Fold(BaseModel, extra="forbid", frozen=True):
    """Which part of the cases tests in one training; the default is the split of `medseg train`."""

    fold: int = Field(0, ge=0, description="Number of the fold, from 0.")
    folds: int = Field(PARTS, ge=2, description="Number of parts that the patients are cut into.")
    keep_test: bool = Field(
        False, description="Leave part 0 out altogether, and let part fold + 1 test: there is one fold fewer."
    )

    @property
    def test_part(self) -> int:
        """The part that tests."""
        return self.fold + self.keep_test

    @property
    def left_out(self) -> int | None:
        """The part that is in no split."""
        return 0 if self.keep_test else None

    def rule(self, by_patient: bool) -> str:
        """How cases come into parts, in words; ``by_patient`` where patients are known and more than case ids."""
        ids = "patient ids" if by_patient else "case ids"
        number = "five" if self.folds == PARTS else self.folds
        rest = "; part 0 is left out altogether" if self.keep_test else ""
        return f"folds-v1: {ids} sorted by the sha256 of 'folds-v1:' + id, cut into {number} equal parts{rest}"


def require_fold(fold: Fold) -> None:
    """Refuse a number of a fold that there is not.

    Raises:
        UserError: it is not below the number of folds.
    """
    count = fold.folds - fold.keep_test
    if fold.fold >= count:
        raise UserError(f"there are {count} folds, numbered from 0, so none of number {fold.fold}")


def require_fold_keys(config: Mapping[str, Any], name: str) -> None:
    """Refuse a train config that would train the same fold every time; ``name`` is that of its bundle.

    Raises:
        UserError: the config lacks a key by which a fold is chosen; the sentence names it.
    """
    absent = [key for key in ("fold", "folds", "keep_test") if key not in config]
    if absent:
        raise UserError(
            f"the train config of bundle `{name}` has no {', '.join(absent)}: give it fold: 0, folds: 5 and keep_test: "
            "false, and take its cases from $data_list(@dataset_dir, 'train', @fold, @folds, @keep_test)"
        )
