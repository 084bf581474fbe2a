import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

Split = Literal["train", "validation", "test"]

PARTS = 5
_VALIDATION_EVERY = 10


def assign_parts(
    case_ids: Iterable[str], parts: int = PARTS, patients: Mapping[str, str] | None = None
) -> dict[str, int]:
    """The fixed folds of the project: the part, 0 to ``parts`` - 1, of every case.

    The patients are sorted by the sha256 of ``"folds-v1:" + patient`` and cut into parts that differ by one patient at
    most, so all cases of a patient are in one part. Without ``patients`` each case is a patient of its own name. The
    order of ``case_ids`` does not matter; that of the result is the order in which they were cut. Of five parts, part 0
    is the test set: never trained on, never used to choose a checkpoint, a threshold or an ensemble.

    Args:
        case_ids: The cases.
        parts: How many parts, two or more.
        patients: The patient of every case.

    Raises:
        ValueError: an id occurs twice, a case has no patient, or there are fewer than two parts.
    """
    if parts < 2:
        raise ValueError(f"`parts` must be 2 or more, got {parts}")
    ids = list(case_ids)
    if len(set(ids)) != len(ids):
        raise ValueError(f"`case_ids` must be unique, got {len(ids) - len(set(ids))} repeated")
    of_patient: dict[str, list[str]] = {}
    for case_id in _in_hash_order(ids):
        of_patient.setdefault(_patient(case_id, patients), []).append(case_id)
    return {
        case_id: rank * parts // len(of_patient)
        for rank, patient in enumerate(_in_hash_order(of_patient))
        for case_id in of_patient[patient]
    }


def assign_splits(
    case_ids: Iterable[str],
    test_part: int = 0,
    parts: int = PARTS,
    patients: Mapping[str, str] | None = None,
    left_out: int | None = None,
) -> dict[str, Split]:
    """Test is ``test_part``; of the other patients, in the same order, every tenth validates and the rest trains.

    With fewer than ten of them the first one validates, so that a checkpoint can always be chosen.

    Args:
        case_ids: The cases.
        test_part: The part that tests.
        parts: How many parts there are.
        patients: The patient of every case; None takes each case for a patient.
        left_out: A part whose cases are in no split, and not in the result.
    """
    part_of = assign_parts(case_ids, parts, patients)
    rest = [case_id for case_id, part in part_of.items() if part not in (test_part, left_out)]
    development = list(dict.fromkeys(_patient(case_id, patients) for case_id in rest))
    validation = set(development[::_VALIDATION_EVERY])
    return {
        case_id: "test" if part == test_part else "validation" if _patient(case_id, patients) in validation else "train"
        for case_id, part in part_of.items()
        if part != left_out
    }


def _patient(case_id: str, patients: Mapping[str, str] | None) -> str:
    if patients is None:
        return case_id
    if case_id not in patients:
        raise ValueError(f"`patients` must hold every case, but lacks {case_id!r}")
    return patients[case_id]


def _in_hash_order(ids: Iterable[str]) -> Sequence[str]:
    return sorted(ids, key=lambda item: hashlib.sha256(f"folds-v1:{item}".encode()).hexdigest())
