import numpy as np
import pytest
import torch

from medseg.runs.scalars import scalars


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, {"dice": 1.0}),
        (True, {"dice": 1.0}),
        (np.float32(0.5), {"dice": 0.5}),
        (torch.tensor(0.5), {"dice": 0.5}),
        (torch.tensor([0.5, 0.25], requires_grad=True), {"dice_0": 0.5, "dice_1": 0.25}),
        (np.array([[1, 2], [3, 4]]), {"dice_0_0": 1, "dice_0_1": 2, "dice_1_0": 3, "dice_1_1": 4}),
        ({"liver": 0.5, "tumour": [0.25]}, {"dice_liver": 0.5, "dice_tumour_0": 0.25}),
        ([], {}),
    ],
)
def test_metrics_are_taken_apart(value, expected):
    assert dict(scalars({"dice": value})) == expected


def test_what_is_no_number_is_an_error():
    with pytest.raises(TypeError, match="`dice` must be a number or hold numbers, got str"):
        list(scalars({"dice": "good"}))
