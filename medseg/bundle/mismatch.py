from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_SHOWN = 3


def describe_mismatch(state: Mapping[str, Any], network: "torch.nn.Module") -> str | None:
    """How the tensors of a file differ from those of a network, by name and shape; None if they do not.

    Each kind of difference is counted, and the first names are given: ``2 tensors are missing (a, b); 1 tensor is of
    another shape (c: 8x4 instead of 4x4)``.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    reshaped = [
        f"{name}: {_shape(state[name])} instead of {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in state and _shape(state[name]) != _shape(tensor)
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
    parts = [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {kind} ({_first(names)})"
        for kind, names in kinds
        if names
    ]
    return "; ".join(parts) or None


def _first(names: list[str]) -> str:
    return ", ".join(map(str, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return "no tensor" if shape is None else "x".join(map(str, shape)) or "a number"
