import pytest
import torch

from medseg.inference.mirror import mirrored_outputs


def lopsided(image: torch.Tensor) -> torch.Tensor:
    """A network that sees no symmetry: each voxel minus twice its neighbour along every axis."""
    return image - 2 * image.roll(1, 2) - 3 * image.roll(1, 3)


def symmetric(image: torch.Tensor) -> torch.Tensor:
    """A network that commutes with mirroring: both neighbours along every axis count alike."""
    return image + image.roll(1, 2) + image.roll(-1, 2) + (image.roll(1, 3) + image.roll(-1, 3)) ** 2


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand((2, 1, 5, 4), generator=torch.Generator().manual_seed(0))


def test_every_combination_of_axes_is_taken_and_turned_back(image: torch.Tensor) -> None:
    outputs = list(mirrored_outputs(image, lopsided, [0, 1]))
    by_hand = [
        lopsided(image),
        lopsided(image.flip(2)).flip(2),
        lopsided(image.flip(3)).flip(3),
        lopsided(image.flip(2, 3)).flip(2, 3),
    ]
    assert len(outputs) == 4
    for output, expected in zip(outputs, by_hand, strict=True):
        torch.testing.assert_close(output, expected)
    assert not torch.allclose(outputs[0], outputs[1])


def test_a_network_that_commutes_with_mirroring_gives_the_same_each_time(image: torch.Tensor) -> None:
    for output in mirrored_outputs(image, symmetric, [0, 1]):
        torch.testing.assert_close(output, symmetric(image))


def test_without_axes_the_network_sees_the_image_alone(image: torch.Tensor) -> None:
    (output,) = mirrored_outputs(image, lopsided)
    assert torch.equal(output, lopsided(image))
