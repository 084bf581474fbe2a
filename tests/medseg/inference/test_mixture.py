import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy

from medseg.inference.entropy import Channels
from medseg.inference.mixture import Mixture


def mixture_of(members: list[np.ndarray], channels: Channels = "classes") -> Mixture:
    mixture = Mixture(channels)
    for member in members:
        mixture.add(torch.tensor(member))
    return mixture


def random_members(count: int, channels: int, scale: float, seed: int) -> list[np.ndarray]:
    return list(softmax(np.random.default_rng(seed).normal(0, scale, (count, channels, 9)), axis=1))


@given(count=st.integers(2, 5), channels=st.integers(2, 4), scale=st.floats(0, 50), seed=st.integers(0, 1000))
def test_mutual_information_agrees_with_scipy_and_is_never_negative(
    count: int, channels: int, scale: float, seed: int
) -> None:
    members = random_members(count, channels, scale, seed)
    found = mixture_of(members).mutual_information().numpy()
    mean_of_entropies = np.mean([entropy(member, axis=0) for member in members], axis=0)
    expected = (entropy(np.mean(members, axis=0), axis=0) - mean_of_entropies) / np.log(channels)
    assert (found >= 0).all()
    assert (found <= 1).all()
    np.testing.assert_allclose(found, expected, atol=1e-9)


@given(scale=st.floats(0, 50), seed=st.integers(0, 1000))
def test_identical_members_tell_nothing_of_each_other(scale: float, seed: int) -> None:
    (member,) = random_members(1, 3, scale, seed)
    mixture = mixture_of([member, member, member])
    np.testing.assert_allclose(mixture.mutual_information(), 0, atol=1e-9)
    np.testing.assert_allclose(mixture.entropy(), entropy(member, axis=0) / np.log(3), atol=1e-9)


def test_members_sure_of_different_classes_disagree_as_far_as_can_be() -> None:
    sure = np.eye(2)[:, :, np.newaxis]
    assert mixture_of([sure[0], sure[1]]).mutual_information().item() == pytest.approx(1)
    assert mixture_of([sure[0, :1], sure[1, :1]], "independent").mutual_information().item() == pytest.approx(1)


def test_the_mean_of_one_is_itself_to_the_bit() -> None:
    (member,) = random_members(1, 3, 2, 0)
    mixture = mixture_of([member])
    assert torch.equal(mixture.mean, torch.tensor(member))
    assert not mixture.mutual_information().any()


def test_nothing_added_has_no_mean_and_no_channels_no_entropy() -> None:
    with pytest.raises(ValueError, match="got none"):
        _ = Mixture().mean
    with pytest.raises(ValueError, match="`channels` must be given"):
        Mixture().entropy()
