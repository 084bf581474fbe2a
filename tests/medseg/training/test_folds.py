import hashlib
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.training.dataset import find_cases
from medseg.training.folds import assign_parts, assign_splits

case_ids = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=60)


def test_parts_follow_the_documented_rule() -> None:
    ids = [f"hippocampus_{number:03d}" for number in range(1, 24)]
    by_digest = sorted((hashlib.sha256(b"folds-v1:" + case_id.encode()).hexdigest(), case_id) for case_id in ids)
    # 23 cases in this order, cut where a fifth, two fifths, ... of them are reached.
    sizes = [5, 5, 4, 5, 4]
    expected = {}
    for part, size in enumerate(sizes):
        for _, case_id in by_digest[sum(sizes[:part]) :][:size]:
            expected[case_id] = part
    assert assign_parts(ids) == expected


def test_assignment_of_known_ids_never_changes() -> None:
    parts = assign_parts(f"case_{number}" for number in range(10))
    assert [parts[f"case_{number}"] for number in range(10)] == [1, 0, 4, 3, 4, 0, 1, 2, 2, 3]


@given(case_ids)
def test_five_parts_differ_by_at_most_one_case(ids: list[str]) -> None:
    counts = Counter(assign_parts(ids).values())
    sizes = [counts[part] for part in range(5)]
    assert sum(sizes) == len(ids)
    assert max(sizes) - min(sizes) <= 1


@given(case_ids, st.randoms(use_true_random=False))
def test_order_of_the_cases_does_not_matter(ids: list[str], random: Random) -> None:
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert assign_splits(shuffled) == assign_splits(ids)


@given(case_ids)
def test_every_case_is_in_one_split_and_part_0_is_the_test_set(ids: list[str]) -> None:
    parts, splits = assign_parts(ids), assign_splits(ids)
    assert splits.keys() == set(ids)
    assert {case_id for case_id, split in splits.items() if split == "test"} == {
        case_id for case_id, part in parts.items() if part == 0
    }


@given(st.integers(2, 80))
def test_a_tenth_of_the_development_set_and_at_least_one_case_validates(count: int) -> None:
    splits = Counter(assign_splits(f"case_{number}" for number in range(count)).values())
    development = splits["train"] + splits["validation"]
    assert splits["validation"] == -(-development // 10) > 0


@given(case_ids, st.integers(2, 7))
def test_every_case_tests_in_one_fold_and_the_default_is_the_first_of_five(ids: list[str], parts: int) -> None:
    folds = [assign_splits(ids, fold, parts) for fold in range(parts)]
    assert all(sum(splits[case_id] == "test" for splits in folds) == 1 for case_id in ids)
    assert assign_splits(ids, 0, 5) == assign_splits(ids)


@given(case_ids, st.integers(0, 3))
def test_a_part_that_is_left_out_is_in_no_split(ids: list[str], fold: int) -> None:
    kept = {case_id for case_id, split in assign_splits(ids).items() if split == "test"}
    splits = assign_splits(ids, fold + 1, left_out=0)
    assert splits.keys() == set(ids) - kept
    parts = assign_parts(ids)
    assert {case_id for case_id, split in splits.items() if split == "test"} == {
        case_id for case_id, part in parts.items() if part == fold + 1
    }


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("abcdefghijklm"), max_size=40))
def test_all_cases_of_a_patient_are_in_one_part_and_one_split(patients: dict[str, str]) -> None:
    parts, splits = assign_parts(patients, patients=patients), assign_splits(patients, 2, patients=patients)
    for patient in set(patients.values()):
        mine = [case_id for case_id, its in patients.items() if its == patient]
        assert len({parts[case_id] for case_id in mine}) == 1
        assert len({splits[case_id] for case_id in mine}) == 1
    ranks = assign_parts(set(patients.values()))
    assert all(parts[case_id] == ranks[patient] for case_id, patient in patients.items())


@given(case_ids)
def test_cases_that_are_their_own_patients_fold_as_cases_do(ids: list[str]) -> None:
    patients = {case_id: case_id for case_id in ids}
    assert assign_splits(ids, 3, patients=patients) == assign_splits(ids, 3)


def test_a_case_without_a_patient_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks 'b'"):
        assign_parts(["a", "b"], patients={"a": "1"})


def test_repeated_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="must be unique, got 1 repeated"):
        assign_parts(["a", "b", "a"])


def test_the_decathlon_set_splits_into_144_16_and_40(hippocampus_data: Path) -> None:
    cases = find_cases(hippocampus_data)
    assert Counter(assign_parts(case.id for case in cases).values()) == dict.fromkeys(range(5), 40)
    assert Counter(case.split for case in cases) == {"train": 144, "validation": 16, "test": 40}
