import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from medseg.inference.entropy import normalised_entropy


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classes_agree_with_scipy(classes: int) -> None:
    values = softmax(np.random.default_rng(0).normal(0, 3, (classes, 4, 5)), axis=0)
    expected = entropy(values, axis=0) / np.log(classes)
    np.testing.assert_allclose(normalised_entropy(torch.tensor(values), "classes"), expected)


def test_independent_channels_are_the_mean_of_binary_entropies() -> None:
    values = np.random.default_rng(0).uniform(size=(3, 6))
    expected = np.mean([entropy([row, 1 - row], base=2, axis=0) for row in values], axis=0)
    np.testing.assert_allclose(normalised_entropy(torch.tensor(values), "independent"), expected)


def test_of_an_instance_bundle_the_first_channel_counts() -> None:
    foreground = np.array([0.0, 0.2, 0.5, 1.0])
    channels = torch.tensor(np.stack([foreground, [5.0, -3.0, 100.0, 2.0]]))
    expected = entropy([foreground, 1 - foreground], base=2, axis=0)
    np.testing.assert_allclose(normalised_entropy(channels, "foreground"), expected)


def test_ends_are_exactly_certain_and_exactly_unsure_and_interpolation_may_overshoot() -> None:
    channels = torch.tensor([[1.0, 0.0, 0.5, 1.0000001], [0.0, 1.0, 0.5, -1e-7]])
    assert normalised_entropy(channels, "classes").tolist() == [0, 0, 1, 0]
    assert normalised_entropy(channels[:1], "independent").tolist() == [0, 0, 1, 0]


def test_one_channel_cannot_be_classes() -> None:
    with pytest.raises(ValueError, match="must have 2 channels or more, got 1"):
        normalised_entropy(torch.ones(1, 3), "classes")
