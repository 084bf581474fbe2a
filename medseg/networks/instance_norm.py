import torch
import torch.nn.functional as F
from torch import nn
from torch.jit import is_scripting, is_tracing  # type: ignore[attr-defined]


class InstanceNorm(nn.Module):
    """Instance normalisation that leaves channels last where it finds them so, on a CPU.

    PyTorch's own copies such a tensor to channels first, and all that follows copies it back, which costs a training
    step a fifth of its time or more (``docs/benchmarks.md``). Here each image of the batch is normalised as a batch of
    its own, which PyTorch can do in either layout and gives the same values.

    Args:
        features: number of channels.
        eps: added to the variance.
        affine: learn a ``weight`` and a ``bias`` for every channel, under the names that PyTorch gives them.
    """

    weight: torch.Tensor | None
    bias: torch.Tensor | None

    def __init__(self, features: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__()
        self.eps = eps
        self.register_parameter("weight", nn.Parameter(torch.ones(features)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(features)) if affine else None)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalised ``inputs``, ``(B, C, ...)``, in their own layout."""
        # TorchScript compiles nothing of what stands under this condition alone.
        if not is_scripting():  # noqa: SIM102
            if _is_worth_keeping(inputs):
                images = torch.split(inputs, 1)
                return torch.cat(
                    [F.batch_norm(image, None, None, self.weight, self.bias, True, 0.0, self.eps) for image in images]
                )
        return F.instance_norm(inputs, None, None, self.weight, self.bias, True, 0.0, self.eps)


def _is_worth_keeping(inputs: torch.Tensor) -> bool:
    """Whether channels are last on a CPU; never in an export, because the plain operation has a name in ONNX."""
    layout = {4: torch.channels_last, 5: torch.channels_last_3d}.get(inputs.ndim)
    is_exported = torch.compiler.is_compiling() or is_tracing()  # type: ignore[no-untyped-call]
    if layout is None or is_exported or inputs.device.type != "cpu":
        return False
    return inputs.is_contiguous(memory_format=layout) and not inputs.is_contiguous()
