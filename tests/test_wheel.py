import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medseg.cli.demo import find_template
from medseg.io import crop, read_image, read_label, write_image

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_packages_and_bundles_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "medseg/shipped/bundles/hippocampus_unet/models/model.pt" in names
    assert "medseg/shipped/bundles/particle_tracker/models/model.pt" in names
    assert "medseg/shipped/mlflow/MLproject" in names
    assert {name.split("/")[0] for name in names} == {"medseg", "tracking", "medseg-0.1.0.dist-info"}


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where medseg is installed from the wheel; its dependencies are those of this environment."""
    site = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return site


@pytest.fixture
def python(site: Path, tmp_path: Path) -> Callable[..., str]:
    """Python outside the clone, in an empty folder of its own; its output."""
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_wheel_works_outside_the_clone(site, python, tmp_path):
    assert str(site) in python("-c", "import medseg; print(medseg.__file__)")
    folder = python("-m", "medseg", "bundle", "show", "hippocampus_unet", "--json")
    assert str(site) in folder
    python("-m", "medseg", "demo", "-o", "out", "--no-log")
    assert (tmp_path / "out" / "overlay.png").is_file()
    assert shutil.which("medseg", path=str(site / "bin"))


@pytest.mark.slow
def test_an_exported_bundle_needs_the_wheel_and_monai_alone(python, tmp_path):
    python("-m", "medseg", "bundle", "export", "hippocampus_unet", "-o", "bundle.zip", "--no-log")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "images").mkdir()
    scan = tmp_path / "images" / "scan.nii.gz"
    write_image(scan, crop(read_image(find_template()), (-27.0, -22.0, -14.0), (36.0, 52.0, 36.0)))
    options = ["--bundle_root", "hippocampus_unet", "--dataset_dir", "images", "--output_dir", "monais"]
    python("-m", "monai.bundle", "run", "--config_file", "hippocampus_unet/configs/inference.yaml", *options)
    # Trusted without a word, because its code is that of the bundle in the wheel.
    python("-m", "medseg", "segment", str(scan), "--bundle", "./hippocampus_unet", "-o", "ours", "--no-log")
    monais, ours = (read_label(tmp_path / name / "scan_seg.nii.gz").data for name in ("monais", "ours"))
    assert set(np.unique(ours)) == {0, 1, 2}
    assert (monais != ours).mean() <= 1e-3
