import subprocess
import sys

import pytest
import torch
from monai.data import MetaTensor

from medseg.inference.autocast import AutocastInferer


def network(dims: int) -> torch.nn.Module:
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    return UNet(dims, 1, 3, (8, 16), (2,), num_res_units=1, norm="instance").eval()


def images(dims: int) -> torch.Tensor:
    return torch.randn(2, 1, *(16, 12, 8)[:dims], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dims", [2, 3])
def test_float32_is_the_network_itself(dims: int) -> None:
    net, image = network(dims), images(dims)
    with torch.inference_mode():
        torch.testing.assert_close(AutocastInferer("float32")(image, net), net(image), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_bfloat16_is_close_but_rounds(dims: int) -> None:
    net, image = network(dims), images(dims)
    with torch.inference_mode():
        exact, rounded = net(image), AutocastInferer("bfloat16")(image, net)
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_network_sees_a_plain_tensor_and_gives_plain_float32_back(dtype: str) -> None:
    seen: list[torch.Tensor] = []

    def spy(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return torch.nn.functional.conv3d(x, torch.ones(1, 1, 1, 1, 1))

    logits = AutocastInferer(dtype)(MetaTensor(images(3)), spy)
    assert type(seen[0]) is torch.Tensor
    assert seen[0].is_contiguous(memory_format=torch.channels_last_3d)
    assert type(logits) is torch.Tensor
    assert logits.dtype == torch.float32


def test_gradients_reach_the_weights() -> None:
    net = network(3)
    AutocastInferer("bfloat16")(images(3), net).square().mean().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.grad is not None)
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_other_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match="must be bfloat16 or float32, got 'float16'"):
        AutocastInferer("float16")


def test_inference_imports_with_torch_and_monai_alone() -> None:
    # MONAI itself imports what it finds installed, so what counts is what comes on top of it.
    script = (
        "import sys, torch, monai, monai.data, monai.inferers\n"
        "before = set(sys.modules)\n"
        "import medseg.inference.autocast\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['medseg']"


@pytest.mark.parametrize("dims", [2, 3])
def test_outputs_of_deep_supervision_come_as_a_list_whether_stacked_or_not(dims: int) -> None:
    levels = [torch.randn(2, 3, *(4, 4, 4)[:dims], dtype=torch.float64) for _ in range(3)]
    infer = AutocastInferer("float32")
    for given in (levels, tuple(levels), torch.stack(levels, 1)):
        found = infer(images(dims), lambda _, given=given: given)
        assert isinstance(found, list)
        assert len(found) == 3
        assert all(torch.equal(one, level.float()) for one, level in zip(found, levels, strict=True))
