import pytest
import torch
from monai.networks.layers.utils import get_norm_layer

from medseg.networks.instance_norm import InstanceNorm
from medseg.networks.norm import norm_layer

LAYOUTS = {2: torch.channels_last, 3: torch.channels_last_3d}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_values_and_gradients_are_those_of_torch_and_channels_stay_last(spatial_dims, affine, dtype):
    torch.manual_seed(0)
    norm = ("instance", {"affine": affine, "eps": 1e-3})
    ours, theirs = norm_layer(norm, spatial_dims, 6), get_norm_layer(norm, spatial_dims, 6)
    assert isinstance(ours, InstanceNorm)
    if affine:
        weights = {"weight": torch.randn(6), "bias": torch.randn(6)}
        ours.load_state_dict(weights)
        theirs.load_state_dict(weights)
    image = 3 + torch.randn(3, 6, *(8, 5, 7)[:spatial_dims]).to(dtype)
    weigh = torch.randn_like(image)
    found = []
    for layer, layout in ((ours, LAYOUTS[spatial_dims]), (theirs, torch.contiguous_format)):
        inputs = image.clone(memory_format=layout).requires_grad_()
        outputs = layer(inputs)
        assert outputs.is_contiguous(memory_format=layout)
        (outputs * weigh).sum().backward()
        found.append([outputs, inputs.grad, *(weight.grad for weight in layer.parameters())])
    tolerance = 1e-4 if dtype == torch.float32 else 0.05
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=tolerance, rtol=tolerance)


def test_channels_first_and_script_give_the_same():
    torch.manual_seed(0)
    layer = InstanceNorm(4)
    image = torch.randn(2, 4, 6, 6)
    last = image.clone(memory_format=torch.channels_last)
    expected = torch.nn.InstanceNorm2d(4)(image)
    for outputs in (layer(image), layer(last), torch.jit.script(layer)(last), torch.jit.trace(layer, last)(last)):
        assert torch.allclose(outputs, expected, atol=1e-6)


def test_other_norms_are_monais_own():
    assert type(norm_layer("batch", 3, 4)) is torch.nn.BatchNorm3d
    assert type(norm_layer(("group", {"num_groups": 2}), 2, 4)) is torch.nn.GroupNorm
    assert type(norm_layer(("instance", {"track_running_stats": True}), 2, 4)) is torch.nn.InstanceNorm2d
