from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from medseg.bundle.mismatch import describe_mismatch


def network(*widths: int) -> torch.nn.Module:
    return torch.nn.Sequential(*(torch.nn.Linear(a, b) for a, b in pairwise(widths)))


def test_the_same_layers_are_no_mismatch() -> None:
    assert describe_mismatch(network(2, 3).state_dict(), network(2, 3)) is None


def test_each_kind_is_counted_and_the_first_names_are_given() -> None:
    found = describe_mismatch(network(2, 3, 4).state_dict() | {"extra": 1}, network(2, 3, 5, 6, 7))
    assert found == (
        "4 tensors are missing (2.weight, 2.bias, 3.weight, ...); 1 tensor is unexpected (extra); "
        "2 tensors are of another shape (1.weight: 4x3 instead of 5x3, 1.bias: 4 instead of 5)"
    )


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_it_is_none_exactly_where_the_tensors_load(one: list[int], other: list[int]) -> None:
    try:
        network(*one).load_state_dict(network(*other).state_dict())
        loads = True
    except RuntimeError:
        loads = False
    assert (describe_mismatch(network(*other).state_dict(), network(*one)) is None) is loads
