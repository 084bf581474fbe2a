import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from medseg.bundle import shipped_bundles
from medseg.bundle.properties import require_properties
from tracking.dpht.link_inferer import LinkInferer
from tracking.dpht.weights import load_weights
from tracking.io import read_tracks

TINY = {"n_movies": 2, "n_frames": 6, "n_particles": 8, "num_workers": 1}
# A stand-in for a machine that has torch, MONAI and what these need, but nothing that images and logs need.
BARE = """
import importlib.abc, runpy, sys, warnings
warnings.simplefilter("ignore")
absent = {"itk", "mlflow", "nibabel", "pydicom", "platformdirs", "psutil", "matplotlib", "tifffile", "zarr", "typer"}
class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Bare())
for arguments in ARGUMENTS:
    sys.argv = ["monai.bundle", "run", *arguments]
    try:
        runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        if stop.code:
            raise
"""


def run_monai_bare(*runs: list[object]) -> None:
    """MONAI's own command line some times over, in a process that can import nothing more than a bare machine could."""
    script = BARE.replace("ARGUMENTS", repr([list(map(str, arguments)) for arguments in runs]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def options(**given: object) -> list[object]:
    return [part for name, value in given.items() for part in (f"--{name}", value)]


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    """A folder with two tables of spots: three particles that diffuse far from each other, in 2D and in 3D."""
    folder = tmp_path / "spots"
    folder.mkdir()
    for n_axes, name in ((2, "flat"), (3, "deep")):
        rng = np.random.default_rng(n_axes)
        places = rng.normal(size=(10, 3, n_axes)).cumsum(axis=0) + 100.0 * np.arange(3)[:, None]
        rows = np.column_stack([np.repeat(np.arange(10), 3), places.reshape(30, n_axes)])
        header = ",".join(["frame", *"xyz"[:n_axes]])
        np.savetxt(folder / f"{name}.csv", rows, delimiter=",", header=header, comments="", fmt="%.17g")
    return folder


@pytest.mark.parametrize(
    ("names", "kind", "not_applicable"),
    [
        (["train.yaml"], "train", ("dataset_dir", "train_inferer")),
        (["inference.yaml"], "infer", ()),
        (["inference.yaml", "evaluate.yaml"], "infer", ()),
    ],
    ids=["train", "inference", "evaluate"],
)
def test_config_has_every_property_of_monais_that_makes_sense(
    tracker: Path, spots: Path, names: list[str], kind: str, not_applicable: tuple[str, ...]
) -> None:
    configs = [tracker / "configs" / name for name in names]
    require_properties(configs, kind, tracker, spots, not_applicable)


def test_monais_command_line_trains_evaluates_and_links_on_a_bare_machine(
    tracker: Path, spots: Path, tmp_path: Path
) -> None:
    configs = tracker / "configs"
    before = (tracker / "models" / "model.pt").read_bytes()
    both = f"['{configs / 'inference.yaml'}','{configs / 'evaluate.yaml'}']"
    root = {"bundle_root": tracker}
    run_monai_bare(
        options(
            config_file=configs / "train.yaml",
            **root,
            mlflow_enabled=False,
            max_iterations=2,
            iterations_per_epoch=1,
            val_interval=1,
            val_lessons=1,
            hidden=8,
            **TINY,
        ),
        options(config_file=both, **root, n_lessons=2, output_dir=tmp_path / "scores", **TINY),
        options(config_file=configs / "inference.yaml", **root, dataset_dir=spots, output_dir=tmp_path / "out"),
    )
    network = load_weights(tracker / "models" / "model.pt")
    assert (tracker / "models" / "model.pt").read_bytes() != before
    with (tmp_path / "scores" / "metrics.csv").open() as stream:
        scores = {name: float(value) for name, value in csv.reader(stream)}
    assert scores.keys() == {"link_log_likelihood", "future", "expected", "real", "right", "link_calibration_error"}
    assert scores["link_log_likelihood"] < 0 <= scores["right"] <= 1
    for name in ("flat", "deep"):
        found = read_tracks(tmp_path / "out" / f"{name}.csv").spots
        table = np.loadtxt(spots / f"{name}.csv", delimiter=",", skiprows=1)
        links = LinkInferer()(torch.from_numpy(table), network)
        # Tables of tracks are by frame and particle; that of the spots may have another order within a frame.
        found = found.sort_values(["frame", "x"])
        order = np.lexsort((table[:, 1], table[:, 0]))
        np.testing.assert_array_equal(found[["frame", "x", "y", "z"][: table.shape[1]]].to_numpy(), table[order])
        np.testing.assert_allclose(found["link_probability"], links[order, 1], atol=1e-5)
        assert found["particle"].nunique() == int((links[:, 0] < 0).sum())


def test_shipped_weights_are_small_and_fit() -> None:
    path = shipped_bundles()["particle_tracker"] / "models" / "model.pt"
    assert path.stat().st_size < 5e6
    load_weights(path)
