import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from medseg.cli.app import main
from medseg.cli.demo import find_template
from medseg.io import Image, crop, read_image, write_image, write_label


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str


Command = Callable[..., CommandResult]


@pytest.fixture
def medseg(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, in this process: arguments in; exit code, standard output and standard error out."""

    def run(*arguments: object) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["medseg", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        code = stop.value.code
        return CommandResult(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def template() -> Image:
    return read_image(find_template())


@pytest.fixture(scope="session")
def hippocampus_crop(template: Image) -> Image:
    """The box round the left hippocampus of a real brain, 36 x 52 x 36 mm."""
    return crop(template, (-27.0, -22.0, -14.0), (36.0, 52.0, 36.0))


@pytest.fixture
def crop_file(hippocampus_crop: Image, tmp_path: Path) -> Path:
    path = tmp_path / "crop.nii.gz"
    write_image(path, hippocampus_crop)
    return path


@pytest.fixture(scope="session")
def made_up_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen small cases in the decathlon's layout: a bright box with a brighter half, in noise."""
    root = tmp_path_factory.mktemp("made-up")
    random = np.random.default_rng(0)
    for part in ("imagesTr", "labelsTr"):
        (root / part).mkdir()
    for number in range(15):
        label = np.zeros((18, 20, 16), np.uint8)
        low = random.integers(3, 7, 3)
        label[low[0] : low[0] + 8, low[1] : low[1] + 5, low[2] : low[2] + 7] = 1
        label[low[0] : low[0] + 8, low[1] + 5 : low[1] + 10, low[2] : low[2] + 7] = 2
        voxels = (label + random.normal(0, 0.3, label.shape)).astype(np.float32)[None]
        image = Image(voxels, np.diag([1.0, 1.0, 1.0, 1.0]), ".nii.gz")
        write_image(root / "imagesTr" / f"case_{number:02}.nii.gz", image)
        write_label(root / "labelsTr" / f"case_{number:02}.nii.gz", label, image)
    return root


@pytest.fixture(scope="session")
def small_training() -> list[str]:
    """Settings under which `medseg train` is a matter of seconds."""
    settings = {
        "max_epochs": 2,
        "val_interval": 1,
        "batch_size": 2,
        "roi_size": [16, 16, 16],
        "network_def#channels": [4, 8],
        "network_def#strides": [2],
    }
    return [item for key, value in settings.items() for item in ("--set", f"{key}={value}")]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie of 24 frames with some 30 receptors in each, and its truth: movie.tif, truth.xml."""
    from tracking.io import write_movie, write_tracks
    from tracking.simulation import simulate

    folder = tmp_path_factory.mktemp("simulated")
    movie = simulate("receptor", density=30, snr=7, seed=3, overrides={"n_frames": 24, "frame_shape": (128, 128)})
    write_movie(folder / "movie.tif", movie, frame_shape=movie.frame_shape, dtype=movie.dtype)
    write_tracks(folder / "truth.xml", movie.truth)
    return folder
