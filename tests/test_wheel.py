import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


def test_the_wheel_works_outside_the_clone(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    # Its dependencies are those of this environment; medseg itself comes from the wheel.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(site) in run("-c", "import medseg; print(medseg.__file__)")
    folder = run("-m", "medseg", "bundle", "show", "hippocampus_unet", "--json")
    assert str(site) in folder
    run("-m", "medseg", "demo", "-o", "out", "--no-log")
    assert (elsewhere / "out" / "overlay.png").is_file()
    assert shutil.which("medseg", path=str(site / "bin"))
