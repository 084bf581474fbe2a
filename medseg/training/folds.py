import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

Split = Literal["train", "validation", "test"]

PARTS = 5
_VALIDATION_EVERY = 10


def assign_parts(case_ids: Iterable[str]) -> dict[str, int]:
    """The fixed folds of the project: the part, 0 to 4, of every case.

    The ids are sorted by the sha256 of ``"folds-v1:" + id`` and cut into five parts that differ by one case at most.
    The order of ``case_ids`` does not matter. Part 0 is the test set: never trained on, never used to choose a
    checkpoint, a threshold or an ensemble.

    Raises:
        ValueError: an id occurs twice.
    """
    ordered = _in_hash_order(case_ids)
    return {case_id: rank * PARTS // len(ordered) for rank, case_id in enumerate(ordered)}


def assign_splits(case_ids: Iterable[str]) -> dict[str, Split]:
    """Test is part 0; of the other cases, in the same order, every tenth validates and the rest trains.

    With fewer than ten of them the first one validates, so that a checkpoint can always be chosen.
    """
    parts = assign_parts(case_ids)
    development = [case_id for case_id, part in parts.items() if part > 0]
    validation = set(development[::_VALIDATION_EVERY])
    return {
        case_id: "test" if part == 0 else "validation" if case_id in validation else "train"
        for case_id, part in parts.items()
    }


def _in_hash_order(case_ids: Iterable[str]) -> Sequence[str]:
    ids = list(case_ids)
    if len(set(ids)) != len(ids):
        raise ValueError(f"`case_ids` must be unique, got {len(ids) - len(set(ids))} repeated")
    return sorted(ids, key=lambda case_id: hashlib.sha256(f"folds-v1:{case_id}".encode()).hexdigest())
