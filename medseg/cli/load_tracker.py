from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.runs import Run
    from tracking.dpht.network import TrackNetwork

SHIPPED_TRACKER = "particle_tracker"
_WEIGHTS_SUFFIX = ".pt"


@dataclass(frozen=True)
class LoadedTracker:
    """The recurrent tracker with weights.

    Attributes:
        network: Ready to link with.
        path: Folder of its bundle, or the file of bare weights.
        version: Of the bundle; ``none`` for bare weights.
        weights_sha256: Digest of the weights.
    """

    network: "TrackNetwork"
    path: Path
    version: str
    weights_sha256: str


def find_tracker(name_or_path: str) -> Path:
    """Folder of a bundle, given the name of a shipped one or the path of any, or a file of weights.

    Raises:
        UserError: There is neither, or another file.
    """
    from medseg.bundle import find_bundle

    path = Path(name_or_path)
    if not path.is_file():
        return find_bundle(name_or_path)
    if path.suffix != _WEIGHTS_SUFFIX:
        raise UserError(f"--bundle must be the name or the folder of a bundle, or a .pt file, got the file `{path}`")
    return path.resolve()


def load_tracker(path: Path) -> LoadedTracker:
    """Load what `find_tracker` found. Of a bundle only metadata and weights are read, and no config is run.

    Raises:
        UserError: The weights are absent, damaged, or no weights of this version's recurrent tracker.
    """
    from medseg.bundle import read_metadata
    from medseg.bundle.weights import find_weights
    from medseg.io import sha256_of
    from tracking.dpht.weights import load_weights
    from tracking.errors import TrackingError

    is_bundle = path.is_dir()
    weights = find_weights(path) if is_bundle else path
    try:
        network = load_weights(weights)
    except TrackingError as error:
        raise UserError(f"--bundle `{path.name}` cannot track: {error}") from error
    return LoadedTracker(network, path, read_metadata(path).version if is_bundle else "none", sha256_of(weights))


def log_tracker(run: "Run", tracker: LoadedTracker) -> None:
    """Name the tracker's weights in the run."""
    from medseg.cli.model_name import model_name

    run.use_model(model_name(tracker.path, run), tracker.version, tracker.weights_sha256)
