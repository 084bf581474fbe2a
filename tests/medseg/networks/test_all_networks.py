"""What every network can do."""

import pytest
import torch

from medseg.networks.focusnet import FocusNet

SIDES = {2: (32, 48), 3: (32, 48, 32)}


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_every_pixel_gets_a_logit_for_every_class(build, spatial_dims):
    network = build(spatial_dims, 2, 5).eval()
    logits = network(torch.randn(1, 2, *SIDES[spatial_dims]))
    assert logits.shape == (1, 5, *SIDES[spatial_dims])


def test_odd_sides_come_out_as_they_went_in_or_are_refused_with_the_reason(build):
    network = build(2, 1, 2).eval()
    image = torch.randn(1, 1, 45, 67)
    if isinstance(network, FocusNet):
        with pytest.raises(ValueError, match=r"multiples of \[16, 16\], got \[45, 67\]"):
            network(image)
    else:
        assert network(image).shape == (1, 2, 45, 67)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_every_weight_takes_part_in_what_is_learned(build, spatial_dims):
    silent: set[str] | None = None
    # A few squeezed features may be silent by chance, but not in every network.
    for seed in range(3):
        torch.manual_seed(seed)
        network = build(spatial_dims, 1, 3)
        for name, weight in network.named_parameters():
            # Those that begin at zero would let nothing through to the layers before them.
            if "score" in name:
                torch.nn.init.normal_(weight)
        logits = network(torch.randn(2, 1, *SIDES[spatial_dims]))
        (logits * torch.randn_like(logits)).sum().backward()
        still = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
        silent = still if silent is None else silent & still
    assert silent == set()


def test_one_batch_is_learned_by_heart(build):
    torch.manual_seed(0)
    network = build(2, 1, 2)
    row, column = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    label = torch.stack([(row - 10) ** 2 + (column - 12) ** 2 < 40, (row - 20) ** 2 + (column - 18) ** 2 < 60]).long()
    image = label[:, None] + 0.3 * torch.randn(2, 1, 32, 32)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(image), label).backward()
        optimizer.step()
    found = network(image).argmax(dim=1)
    dice = 2 * (found * label).sum() / (found.sum() + label.sum())
    assert dice > 0.9


def test_the_same_seed_gives_the_same_network_and_the_same_answer(build):
    image = torch.randn(1, 1, 32, 32)
    answers = []
    for _ in range(2):
        torch.manual_seed(3)
        answers.append(build(2, 1, 2).eval()(image))
    assert torch.equal(*answers)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_says_the_same(build, spatial_dims):
    network = build(spatial_dims, 1, 2).eval()
    image = torch.randn(1, 1, *SIDES[spatial_dims])
    assert torch.equal(torch.jit.script(network)(image), network(image))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"spatial_dims": 1}, "2, 3"), ({"in_channels": 0}, "in_channels"), ({"out_channels": 0}, "out")],
)
def test_impossible_arguments_are_refused(build, options, said):
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2} | options
    with pytest.raises(ValueError, match=said):
        build(*arguments.values())
