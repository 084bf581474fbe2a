import pytest
import torch

from medseg.networks.focusnet import FocusNet


def parameters(module):
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize(("head", "count"), [("single", 18_933_497), ("series", 19_063_933)])
def test_it_has_as_many_parameters_as_the_published_layers(head, count):
    network = FocusNet(2, 3, 1, head=head)
    assert parameters(network) == count
    assert parameters(network.attention) == 4_110_592
    assert parameters(network.head) == (5 if head == "single" else 130_441)


def test_gates_are_full_feature_maps_between_0_and_1():
    network = FocusNet(3, 1, 2, width=0.25, stem_size=3).eval()
    maps = network.attention_maps(torch.randn(1, 1, 16, 32, 16))
    assert [tuple(one.shape) for one in maps] == [(1, 16, 16, 32, 16), (1, 32, 8, 16, 8), (1, 64, 4, 8, 4)]
    assert all(0 <= float(one.min()) < float(one.max()) <= 1 for one in maps)


def test_gates_decide_what_the_segmentation_branch_sees():
    network = FocusNet(2, 1, 2, width=0.1).eval()
    image = torch.randn(1, 1, 32, 32)
    before = network(image)
    for weight in network.attention.decode.parameters():
        torch.nn.init.zeros_(weight)
    # Every gate is a half now.
    assert all(torch.all(one == 0.5) for one in network.attention_maps(image))
    assert not torch.allclose(network(image), before)


def test_strides_may_differ_from_axis_to_axis():
    network = FocusNet(3, 1, 2, width=0.1, stem_size=3, strides=[(1, 2, 2), 2, 2, (1, 2, 2)]).eval()
    assert network.multiple == [4, 16, 16]
    assert network(torch.randn(1, 1, 4, 16, 32)).shape == (1, 2, 4, 16, 32)
    with pytest.raises(ValueError, match=r"multiples of \[4, 16, 16\], got \[6, 16, 16\]"):
        network(torch.randn(1, 1, 6, 16, 16))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"head": "double"}, "single, series"),
        ({"stem_size": 4}, "odd"),
        ({"strides": (2, 2, 2)}, "4 entries"),
        ({"strides": (2, 2, 2, (1, 2, 2))}, "have 2"),
        ({"width": 0}, "`width`"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        FocusNet(2, 1, 2, **options)


@pytest.mark.parametrize(("width", "classes", "features"), [(1.0, 1, 4), (0.25, 3, 4), (0.25, 7, 7)])
def test_a_narrow_network_tells_every_class_by_features_of_its_own(width, classes, features):
    """With one last feature, as a quarter of four would be, classes are stretches of a line, and some never touch."""
    assert FocusNet(2, 1, classes, width=width).head.conv.in_channels == features
