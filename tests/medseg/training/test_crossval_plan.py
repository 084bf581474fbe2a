from pathlib import Path
from typing import Any

import pytest

from medseg.errors import UserError
from medseg.training.crossval_plan import CrossvalPlan, plan_cases, require_same_plan, write_plan
from medseg.training.dataset import find_cases


@pytest.fixture
def plan(dataset: Path) -> CrossvalPlan:
    return CrossvalPlan(
        bundle="b",
        code_sha256="c",
        seed=0,
        overrides={"roi_size": [8, 8]},
        folds=5,
        keep_test=False,
        cases=plan_cases(find_cases(dataset), keep_test=False),
    )


def test_the_same_plan_goes_on(plan: CrossvalPlan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path)
    require_same_plan(plan, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1, "folds": 3}, "--seed, --folds differ"),
        ({"overrides": {}}, "--set differ"),
        ({"code_sha256": "d"}, "the bundle is another, or its configs were changed"),
        ({"cases": []}, "the cases, their labels or their patients differ"),
    ],
)
def test_another_plan_says_what_differs(
    plan: CrossvalPlan, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    write_plan(plan, tmp_path)
    with pytest.raises(UserError, match=message):
        require_same_plan(plan.model_copy(update=change), tmp_path)


def test_a_damaged_plan_is_one_sentence(plan: CrossvalPlan, tmp_path: Path) -> None:
    (tmp_path / "folds.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        require_same_plan(plan, tmp_path)
