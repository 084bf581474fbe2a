import contextlib
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from medseg.bundle import LoadedBundle


@dataclass(frozen=True)
class BundleFacts:
    """What is known of a bundle once it is loaded.

    Attributes:
        version: of the bundle.
        weights_sha256: of the file of weights.
        weights_bytes: its size.
        parameters: of the network.
        device: that it computes on, as torch names it.
        threads: that torch computes with on a CPU.
        memory_before_bytes: resident memory of its process with all libraries, before the bundle was loaded.
    """

    version: str
    weights_sha256: str
    weights_bytes: int
    parameters: int
    device: str
    threads: int
    memory_before_bytes: int


@dataclass(frozen=True, eq=False)
class TimedLabel:
    """A predicted label, and what it took.

    Attributes:
        label: of the image's shape.
        seconds: wall time of the prediction, preprocessing and postprocessing included, reading the file not.
        memory_peak_bytes: largest resident memory of the process so far.
        cuda_peak_bytes: largest memory of tensors on the CUDA device so far; None on another.
    """

    label: "np.ndarray[Any, Any]"
    seconds: float
    memory_peak_bytes: int
    cuda_peak_bytes: int | None


def serve_bundle(connection: Connection, folder: Path, device: str, trusted_by_user: bool, mirror: bool) -> None:
    """Load a bundle and predict, in the process that this is the only work of.

    Sends its `BundleFacts`, and for every path of an image that comes a `TimedLabel`, or the `UserError` in place of
    either; ends with the process at the other end.
    """
    from medseg.cli.quiet_libraries import quiet_libraries

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process; the one that asks ends this one
    quiet_libraries()
    with contextlib.suppress(EOFError, ConnectionError):  # nobody asks any more
        try:
            bundle = _load(connection, folder, device, trusted_by_user, mirror)
        except UserError as error:
            connection.send(error)
            return
        while True:
            image = connection.recv()
            try:
                connection.send(_predict(bundle, image, mirror))
            except UserError as error:
                connection.send(error)


def _load(connection: Connection, folder: Path, device: str, trusted_by_user: bool, mirror: bool) -> "LoadedBundle":
    import monai.transforms  # noqa: F401 - counts as a library, not as the bundle's
    import psutil
    import torch

    from medseg.bundle import load_bundle
    from medseg.bundle.ensemble import require_members
    from medseg.bundle.weights import find_weights

    before = psutil.Process().memory_info().rss
    bundle = load_bundle(folder, device, trusted_by_user)
    require_members([bundle], mirror=mirror)
    facts = BundleFacts(
        version=bundle.metadata.version,
        weights_sha256=bundle.weights_sha256,
        weights_bytes=find_weights(folder).stat().st_size,
        parameters=sum(parameter.numel() for parameter in bundle.network.parameters()),
        device=str(bundle.device),
        threads=torch.get_num_threads(),
        memory_before_bytes=before,
    )
    connection.send(facts)
    return bundle


def _predict(bundle: "LoadedBundle", path: Path, mirror: bool) -> TimedLabel:
    import torch

    from medseg.bundle import predict
    from medseg.io import read_image
    from medseg.runs.environment import peak_memory_bytes

    image = read_image(path)
    started = time.perf_counter()
    try:
        label = predict([bundle], image, mirror=mirror).label
    except UserError as error:
        raise UserError(f"`{path}`: bundle `{bundle.name}`: {error}") from error
    seconds = time.perf_counter() - started
    is_cuda = bundle.device.type == "cuda"
    cuda_peak = torch.cuda.max_memory_allocated(bundle.device) if is_cuda else None
    return TimedLabel(label, seconds, peak_memory_bytes(), cuda_peak)
