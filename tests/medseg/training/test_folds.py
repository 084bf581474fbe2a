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


def test_repeated_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="must be unique, got 1 repeated"):
        assign_parts(["a", "b", "a"])


def test_the_decathlon_set_splits_into_144_16_and_40(hippocampus_data: Path) -> None:
    cases = find_cases(hippocampus_data)
    assert Counter(assign_parts(case.id for case in cases).values()) == dict.fromkeys(range(5), 40)
    assert Counter(case.split for case in cases) == {"train": 144, "validation": 16, "test": 40}
