import pytest
import torch
from monai.networks.nets import UNet
from torch import nn

from medseg.training.memory import MemoryEstimate, cache_bytes, estimate_training_memory, gigabytes


def test_activations_of_two_convolutions_counted_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    found = estimate_training_memory(network, (10, 10), 1, batch_size=3)
    weights = (4 * 9 + 4) + (2 * 4 + 2)
    assert (found.weights, found.gradients, found.optimizer) == (4 * weights, 4 * weights, 8 * weights)
    # The image, what the rectifier gives (kept once, for itself and the second convolution), four maps of the loss.
    assert found.activations == 4 * 3 * 100 * (1 + 4 + 4 * 2)
    assert found.on_device == found.total


def test_the_network_is_left_as_it_is_and_nothing_is_computed() -> None:
    network = UNet(3, 1, 2, (4, 8), (2,)).eval()
    huge = estimate_training_memory(network, (2000, 2000, 2000), 1, batch_size=2)
    assert huge.activations > 10**11
    assert not network.training
    assert next(network.parameters()).device.type == "cpu"


@pytest.mark.parametrize("factor", [2, 5])
def test_activations_grow_with_the_batch_and_halve_with_bfloat16(factor: int) -> None:
    network = UNet(3, 1, 2, (4, 8), (2,), norm="instance")
    one = estimate_training_memory(network, (16, 16, 16), 1, 2)
    more = estimate_training_memory(network, (16, 16, 16), 1, 2 * factor, cache=7)
    assert more.activations == pytest.approx(one.scaled(factor, cache=7).activations, rel=1e-3)
    assert more.total == more.on_device + 7
    half = estimate_training_memory(network, (16, 16, 16), 1, 2, torch.bfloat16)
    loss = 4 * 4 * 2 * 2 * 16**3  # four float32 maps of two classes and two images, whatever the precision
    assert (half.activations - loss) / (one.activations - loss) == pytest.approx(0.5, abs=0.01)


def test_a_size_that_the_network_does_not_take_is_refused_by_it() -> None:
    with pytest.raises(RuntimeError):
        estimate_training_memory(UNet(3, 1, 2, (2, 4, 8), (2, 2)), (18, 16, 16), 1, 1)


def test_a_cached_case_is_an_image_and_a_label_padded_to_the_patch() -> None:
    assert cache_bytes(10, 2, 50.0, (4, 5)) == 10 * 3 * 50 * 4
    assert cache_bytes(10, 1, 50.0, (10, 20)) == 10 * 2 * 200 * 4


def test_gigabytes() -> None:
    assert gigabytes(2.34e9) == "2.3 GB"
    assert gigabytes(4.1e8) == "0.41 GB"


def test_parts_make_the_total() -> None:
    assert MemoryEstimate(1, 2, 4, 8, 16, 32).total == 63
