import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.bundle.metadata import BundleMetadata, read_metadata
from medseg.bundle.postprocessing import find_channels, split_postprocessing
from medseg.bundle.trust import require_trust
from medseg.bundle.weights import find_weights, load_weights
from medseg.errors import UserError, first_line
from medseg.io import sha256_of

if TYPE_CHECKING:
    import torch
    from monai.transforms import Compose

    from medseg.inference.entropy import Channels


@dataclass(frozen=True)
class LoadedBundle:
    """A bundle ready to segment: its network with weights, and the transforms before and after it.

    What follows the network is in two parts: ``to_probabilities`` ends with probabilities on the grid of the image, and
    ``to_label`` makes a label of them. ``channels`` says what the probabilities are of, None if they are none.
    """

    name: str
    metadata: BundleMetadata
    weights_sha256: str
    device: "torch.device"
    network: "torch.nn.Module"
    preprocessing: "Compose"
    inferer: Callable[..., Any]
    to_probabilities: "Compose"
    to_label: "Compose"
    channels: "Channels | None"

    @property
    def temperature(self) -> float | None:
        """What logits are divided by before the activation; None where the bundle was not calibrated."""
        return self.metadata.calibration.temperature if self.metadata.calibration else None


def load_bundle(bundle: Path, device: str = "auto", trusted_by_user: bool = False) -> LoadedBundle:
    """Load the inference config of the bundle in folder ``bundle``.

    Images come from :mod:`medseg.io` and labels go back through it, so the transforms that load and save files are left
    out of the two chains.

    Args:
        bundle: folder of the bundle.
        device: ``auto`` takes a CUDA device where there is one, else the CPU.
        trusted_by_user: run the configs of a bundle that did not ship with medseg.

    Raises:
        UserError: the bundle does not segment, is not trusted, is incomplete, or its weights do not fit; the device is
            absent.
    """
    metadata = read_metadata(bundle)
    if not metadata.segments:
        raise UserError(f"bundle `{bundle.name}` tracks particles and segments nothing: use medseg track")
    require_trust(bundle, trusted_by_user)
    weights = find_weights(bundle)

    from monai.bundle import ConfigParser
    from monai.transforms import LoadImage, LoadImaged, SaveImage, SaveImaged

    target = choose_device(device)
    parser = ConfigParser()
    try:
        parser.read_config(str(inference_config(bundle)))
        parser.update({"bundle_root": str(bundle), "device": target})
        network = parser.get_parsed_content("network_def").to(target)
        load_weights(weights, network)
        to_probabilities, to_label = split_postprocessing(
            _without(parser.get_parsed_content("postprocessing"), (SaveImage, SaveImaged))
        )
        return LoadedBundle(
            name=bundle.name,
            metadata=metadata,
            weights_sha256=sha256_of(weights),
            device=target,
            network=network.eval(),
            preprocessing=_without(parser.get_parsed_content("preprocessing"), (LoadImage, LoadImaged)),
            inferer=parser.get_parsed_content("inferer"),
            to_probabilities=to_probabilities,
            to_label=to_label,
            channels=find_channels(to_probabilities, to_label),
        )
    except UserError:
        raise
    except Exception as error:  # a config can fail in as many ways as there is code in it
        logging.getLogger(__name__).debug("inference config failed", exc_info=error)
        raise UserError(
            f"the inference config of bundle `{bundle.name}` cannot be used: {first_line(error)}"
        ) from error


def choose_device(device: str) -> "torch.device":
    """The torch device meant by ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UserError: there is no such device on this machine.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"`{device}` is not a device of this machine: use auto, cpu, or cuda where a GPU is") from error
    return chosen


def inference_config(bundle: Path) -> Path:
    """The inference config of a bundle.

    Raises:
        UserError: the bundle has none.
    """
    for suffix in (".yaml", ".json"):
        path = bundle / "configs" / f"inference{suffix}"
        if path.is_file():
            return path
    raise UserError(f"bundle `{bundle.name}` has no configs/inference.yaml or .json")


def _without(chain: "Compose", unwanted: tuple[type, ...]) -> "Compose":
    from monai.transforms import Compose

    return Compose([transform for transform in chain.flatten().transforms if not isinstance(transform, unwanted)])
