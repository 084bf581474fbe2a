"""What MONAI's own commands do with every bundle that segments."""

import shutil
from pathlib import Path

import pytest

from medseg.bundle import read_metadata, shipped_bundles

SEGMENTERS = {name: path for name, path in shipped_bundles().items() if read_metadata(path).segments}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", SEGMENTERS)]


@pytest.fixture
def data(name: str, dataset: Path, pictures: Path) -> Path:
    """Small labelled cases of the kind that the bundle is made for."""
    return pictures if name.startswith("nuclei") else dataset


@pytest.fixture
def copy(name: str, tmp_path: Path) -> Path:
    """A copy of the bundle to write to."""
    return shutil.copytree(SEGMENTERS[name], tmp_path / name)


def run(copy: Path, data: Path, *configs: str, **options: object) -> None:
    from monai.bundle import run

    files = [str(copy / "configs" / config) for config in configs]
    run(config_file=files, logging_file=False, bundle_root=str(copy), dataset_dir=str(data), **options)


def test_it_trains(copy: Path, data: Path) -> None:
    shutil.rmtree(copy / "models")
    # The last epoch is validated even if it is none of the interval's, or there would be no weights.
    run(copy, data, "train.yaml", max_epochs=1, val_interval=2, batch_size=2, mlflow_enabled=False)
    assert (copy / "models" / "model.pt").is_file()
    assert (copy / "train" / "last.pt").is_file()


def test_it_segments_a_folder(copy: Path, data: Path, tmp_path: Path) -> None:
    images = next(data / part for part in ("imagesTr", "images") if (data / part).is_dir())
    run(copy, images, "inference.yaml", output_dir=str(tmp_path / "out"))
    assert len(list((tmp_path / "out").iterdir())) == len(list(images.iterdir()))


def test_it_evaluates(copy: Path, data: Path, tmp_path: Path) -> None:
    run(copy, data, "inference.yaml", "evaluate.yaml", output_dir=str(tmp_path / "out"))
    assert list((tmp_path / "out").glob("*_raw.csv"))


def test_its_network_is_as_the_metadata_say_and_becomes_torchscript(copy: Path, tmp_path: Path) -> None:
    from monai.bundle import ckpt_export, verify_net_in_out

    meta, config = (str(copy / "configs" / name) for name in ("metadata.json", "inference.yaml"))
    verify_net_in_out(net_id="network_def", meta_file=meta, config_file=config, device="cpu")
    ckpt_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.ts"),
        ckpt_file=str(copy / "models" / "model.pt"),
        meta_file=meta,
        config_file=config,
        key_in_ckpt="",
    )
    assert (tmp_path / "model.ts").is_file()
