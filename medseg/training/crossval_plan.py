from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from medseg.errors import UserError
from medseg.io import sha256_of
from medseg.io.atomic import atomic_path
from medseg.training.dataset import Case
from medseg.training.manifest import require_no_twins

PLAN_FILE = "folds.json"


class PlannedCase(BaseModel, extra="forbid"):
    """One case, and the fold whose model it tests."""

    case: str
    patient: str
    part: int
    fold: int
    image_sha256: str
    label_sha256: str


class CrossvalPlan(BaseModel, extra="forbid"):
    """``folds.json``: what a cross-validation was begun with; it goes on with the same only."""

    bundle: str
    code_sha256: str
    seed: int
    overrides: dict[str, Any]
    folds: int
    keep_test: bool
    cases: list[PlannedCase]


def plan_cases(cases: Sequence[Case], keep_test: bool) -> list[PlannedCase]:
    """The cases of a cross-validation with the digests by which they are known; every file is read.

    Raises:
        UserError: two cases with the same image are in two folds.
    """
    digest_of = {case.id: sha256_of(case.image) for case in cases}
    require_no_twins(digest_of, {case.id: case.part for case in cases})
    return [
        PlannedCase(
            case=case.id,
            patient=case.owner,
            part=case.part,
            fold=case.part - keep_test,
            image_sha256=digest_of[case.id],
            label_sha256=sha256_of(case.label),
        )
        for case in cases
    ]


def write_plan(plan: CrossvalPlan, folder: Path) -> None:
    """Write ``folds.json`` into ``folder``."""
    with atomic_path(folder / PLAN_FILE) as partial:
        partial.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")


def has_plan(folder: Path) -> bool:
    """Whether a cross-validation was begun in ``folder``."""
    return (folder / PLAN_FILE).is_file()


def require_free(folder: Path, source: Path) -> None:
    """Refuse to begin a cross-validation of the bundle ``source`` in a folder that holds other things.

    Raises:
        UserError: ``folder`` is, or is in, the bundle itself, or is not empty.
    """
    if folder == source or source in folder.parents:
        raise UserError(f"`{folder}` is the bundle itself: choose another --output")
    left = ("run*.json", ".medseg-*")  # by a command that failed, or was killed, before it began
    if folder.is_dir() and not all(any(path.match(pattern) for pattern in left) for path in folder.iterdir()):
        raise UserError(f"`{folder}` is not empty and holds no cross-validation to go on with: choose another --output")


def read_crossval_plan(folder: Path) -> CrossvalPlan:
    """What the cross-validation in ``folder`` was begun with.

    Raises:
        UserError: the file cannot be read.
    """
    path = folder / PLAN_FILE
    try:
        return CrossvalPlan.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"`{path}` is damaged: choose another --output") from error


def require_same_plan(plan: CrossvalPlan, folder: Path) -> None:
    """Refuse to go on with another plan than that of ``folder``.

    Raises:
        UserError: the two differ in a setting or in the cases, or the file cannot be read.
    """
    former = read_crossval_plan(folder)
    options = {"seed": "--seed", "overrides": "--set", "folds": "--folds", "keep_test": "--keep-test"}
    given = plan.model_dump()
    changed = [name for name, value in former.model_dump().items() if given[name] != value]
    if not changed:
        return
    if {"bundle", "code_sha256"} & set(changed):
        what = "the bundle is another, or its configs were changed"
    elif settings := [options[name] for name in changed if name in options]:
        what = f"{', '.join(settings)} differ"
    else:
        what = "the cases, their labels or their patients differ"
    raise UserError(
        f"the cross-validation in `{folder}` was not begun like this, {what}: give what it was begun with, or another "
        "--output"
    )
