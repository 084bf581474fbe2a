from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile

from medseg.bundle.mismatch import describe_mismatch
from medseg.errors import UserError

if TYPE_CHECKING:
    import torch


def find_weights(bundle: Path) -> Path:
    """The weights of a bundle, ``models/model.pt``.

    Raises:
        UserError: the bundle has none.
    """
    path = bundle / "models" / "model.pt"
    if not path.is_file():
        raise UserError(f"bundle `{bundle.name}` has no weights: models/model.pt is absent; train it first")
    return path


def read_weights(path: Path) -> Any:
    """The state dict in a file of tensors, and nothing but tensors.

    Raises:
        UserError: the file is damaged or holds anything but tensors.
    """
    import torch

    try:
        with ZipFile(path) as parts:
            # torch writes parts as they are; packed or shared ones could fill the memory from a small file.
            is_plain = all(part.compress_type == ZIP_STORED for part in parts.infolist())
            if not is_plain or sum(part.file_size for part in parts.infolist()) > path.stat().st_size:
                raise ValueError("parts are larger than the file")
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a damaged or hostile file
        raise UserError(f"`{path}` is not a file of tensors that loads with weights_only") from error
    if isinstance(state, dict):
        for key in ("model", "state_dict"):
            if isinstance(state.get(key), dict):
                state = state[key]
    return state


def load_weights(path: Path, network: "torch.nn.Module") -> None:
    """Load a file of tensors into ``network``; every name and shape must fit.

    Raises:
        UserError: the file is damaged, holds anything but tensors, or belongs to another network; then the sentence
            says what differs.
    """
    state = read_weights(path)
    if isinstance(state, dict) and (mismatch := describe_mismatch(state, network)):
        raise UserError(f"`{path}` does not hold the weights of this bundle's network: {mismatch}")
    try:
        network.load_state_dict(state, strict=True)
    except Exception as error:
        raise UserError(f"`{path}` does not hold the weights of this bundle's network") from error
