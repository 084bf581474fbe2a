from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tracking.detection.spot_filter import DOG_INNER, DOG_OUTER, TRUNCATE, SpotFilter
from tracking.errors import OptionError

if TYPE_CHECKING:
    import torch


def choose_device(device: str) -> str:
    """The device that a user's choice means: ``auto`` is a GPU where there is one, else the CPU.

    torch is only imported where the machine has a GPU's device file or the choice names a device of torch.

    Raises:
        OptionError: The device is unknown or not there.
    """
    if device == "cpu":
        return "cpu"
    if device == "auto":
        if not Path("/dev/nvidiactl").exists():
            return "cpu"
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        # torch lists a score of types where there is none of that name.
        why = "" if reason.startswith("Expected one of") else f", which torch does not have here ({reason})"
        raise OptionError(f"`device` must be cpu, cuda, cuda:N or auto, got {device}{why}") from error
    return device


def filter_with_torch(spot_filter: SpotFilter, values: npt.NDArray[np.float32], device: str) -> npt.NDArray[np.float32]:
    """`SpotFilter.apply` on a device of torch, the same but for rounding."""
    import torch

    with torch.inference_mode():
        frame = torch.from_numpy(values).to(device)
        if spot_filter.kind == "dog":
            response = _smooth(frame, spot_filter, DOG_INNER) - _smooth(frame, spot_filter, DOG_OUTER)
        else:
            smooth = _smooth(frame, spot_filter, 1.0)
            response = torch.zeros_like(smooth)
            for axis, scale in enumerate(spot_filter.scales):
                size = smooth.shape[axis]
                before = smooth.index_select(axis, torch.arange(-1, size - 1, device=device).clamp(min=0))
                after = smooth.index_select(axis, torch.arange(1, size + 1, device=device).clamp(max=size - 1))
                response += scale**2 * (2 * smooth - before - after)
        result: npt.NDArray[np.float32] = response.cpu().numpy()
        return result


def _smooth(frame: "torch.Tensor", spot_filter: SpotFilter, factor: float) -> "torch.Tensor":
    import torch

    for axis, scale in enumerate(spot_filter.scales):
        sigma = factor * scale
        radius = int(TRUNCATE * sigma + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        mirrored = torch.from_numpy(np.pad(np.arange(frame.shape[axis]), radius, mode="symmetric")).to(frame.device)
        padded = frame.index_select(axis, mirrored)
        weights = (kernel / kernel.sum()).tolist()
        lines = [padded.narrow(axis, start, frame.shape[axis]) for start in range(len(weights))]
        frame = weights[radius] * lines[radius]
        for step in range(1, radius + 1):
            frame.add_(lines[radius - step] + lines[radius + step], alpha=weights[radius + step])
    return frame
