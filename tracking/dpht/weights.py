from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import torch

from tracking.atomic import atomic_path
from tracking.dpht.network import TrackNetwork
from tracking.errors import TrackingError

# Of what the weights mean: one more whenever the network's inputs or layers change.
FORMAT = 3
# No weight is larger; those of the shipped network are below 10.
LARGEST = 1e4


def save_weights(path: Path, network: TrackNetwork) -> None:
    """Write a network's weights and settings, nothing but tensors, numbers and names."""
    with atomic_path(path) as partial:
        torch.save({"format": FORMAT, "settings": network.settings, "state": network.state_dict()}, partial)


def load_weights(path: Path) -> TrackNetwork:
    """The network in a file that `save_weights` wrote.

    Raises:
        TrackingError: There is no such file, it holds anything else, or it was written by another version.
    """
    try:
        with ZipFile(path) as parts:
            # torch writes parts as they are; packed or shared ones could fill the memory from a small file.
            is_plain = all(part.compress_type == ZIP_STORED for part in parts.infolist())
            if not is_plain or sum(part.file_size for part in parts.infolist()) > path.stat().st_size:
                raise ValueError("parts are larger than the file")
            # torch does not look at the checksums that it wrote.
            is_whole = parts.testzip() is None
        content: Any = torch.load(path, map_location="cpu", weights_only=True) if is_whole else None
    except FileNotFoundError:
        raise TrackingError(f"there are no weights at `{path}`") from None
    except Exception as error:  # a damaged file can make the unpickler fail in as many ways as there are bytes
        raise TrackingError(f"`{path.name}` is damaged or holds no weights of the recurrent tracker") from error
    if not is_whole:
        raise TrackingError(f"`{path.name}` is damaged: its checksums do not fit")
    if not isinstance(content, dict) or set(content) != {"format", "settings", "state"}:
        raise TrackingError(f"`{path.name}` holds no weights of the recurrent tracker")
    if type(content["format"]) is not int or content["format"] != FORMAT:
        written = repr(content["format"])[:20]
        raise TrackingError(
            f"`{path.name}` has weights of format {written}, this version reads {FORMAT}: train them again"
        )
    try:
        if not all(type(value) in (int, str) for value in content["settings"].values()):
            raise TypeError("settings are whole numbers and names")
        network = TrackNetwork(**content["settings"])
        if not all(one.is_floating_point() for one in content["state"].values()):
            raise TypeError("weights are real numbers")
        network.load_state_dict(content["state"])
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise TrackingError(f"the weights in `{path.name}` do not fit the recurrent tracker") from error
    # Neither are those that are not finite.
    if not all((one.abs() < LARGEST).all() for one in network.parameters()):
        raise TrackingError(f"the weights in `{path.name}` are not finite, or larger than any that training gives")
    return network.eval()
