import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from medseg.bundle import LoadedBundle, load_bundle, segment
from medseg.bundle.evaluate import score_files
from medseg.io import Image, read_image, require_same_geometry, write_image
from medseg.training.dataset import find_cases


def run_monai(*arguments: object) -> None:
    """MONAI's own command line, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "monai.bundle", "run", *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["train.yaml"], "train"),
        (["inference.yaml"], "infer"),
        (["inference.yaml", "evaluate.yaml"], "infer"),
    ],
    ids=["train", "inference", "evaluate"],
)
def test_config_has_every_property_of_monais(bundle: Path, dataset: Path, names: list[str], kind: str) -> None:
    from monai.bundle import ConfigWorkflow

    workflow = ConfigWorkflow(
        [str(bundle / "configs" / name) for name in names],
        workflow_type=kind,
        logging_file=False,
        bundle_root=str(bundle),
        dataset_dir=str(dataset if names != ["inference.yaml"] else dataset / "imagesTr"),
    )
    workflow.initialize()
    assert workflow.check_properties() in (None, [])


@pytest.mark.slow
def test_config_for_several_devices_has_every_property_of_monais(bundle: Path, dataset: Path) -> None:
    script = (
        "import sys\n"
        "from monai.bundle import ConfigWorkflow\n"
        "bundle, dataset = sys.argv[1:]\n"
        "configs = [f'{bundle}/configs/{name}.yaml' for name in ('train', 'multi_gpu_train')]\n"
        "options = dict(bundle_root=bundle, dataset_dir=dataset, logging_file=False, mlflow_enabled=False)\n"
        "workflow = ConfigWorkflow(configs, workflow_type='train', **options)\n"
        "workflow.initialize()\n"
        "print('missing', workflow.check_properties())\n"
        "workflow.finalize()\n"
    )
    (bundle / "check.py").write_text(script)
    torchrun = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1"]
    done = subprocess.run(
        [*torchrun, str(bundle / "check.py"), str(bundle), str(dataset)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "missing []" in done.stdout or "missing None" in done.stdout


def test_monais_command_line_writes_the_labels_that_segment_gives(
    bundle: Path, volume: Callable[..., Image], tmp_path: Path
) -> None:
    affines = {"straight": np.eye(4), "stored_otherwise": np.diag([-1.2, 0.9, 1.5, 1.0])[[0, 2, 1, 3]]}
    (tmp_path / "images").mkdir()
    for name, affine in affines.items():
        write_image(tmp_path / "images" / f"{name}.nii.gz", volume((23, 31, 19), affine))
    run_monai(
        *("--config_file", bundle / "configs" / "inference.yaml", "--bundle_root", bundle),
        *("--dataset_dir", tmp_path / "images", "--output_dir", tmp_path / "out"),
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}_seg.nii.gz" for name in affines}
    loaded = load_bundle(bundle, "cpu")
    for name in affines:
        image = read_image(tmp_path / "images" / f"{name}.nii.gz")
        label = read_image(tmp_path / "out" / f"{name}_seg.nii.gz")
        require_same_geometry(image, label)
        assert label.data.dtype == np.uint8
        # The argmax of random weights is a close call: threads add up in another order.
        assert (label.data[0] != segment(loaded, image)).mean() <= 1e-3


def test_monais_evaluation_scores_the_test_cases_as_ours_does(bundle: Path, dataset: Path, tmp_path: Path) -> None:
    from monai.bundle import run

    run(
        config_file=[str(bundle / "configs" / name) for name in ("inference.yaml", "evaluate.yaml")],
        logging_file=False,
        bundle_root=str(bundle),
        dataset_dir=str(dataset),
        output_dir=str(tmp_path / "out"),
    )
    with (tmp_path / "out" / "dice_raw.csv").open() as stream:
        rows = {row["filename"]: row for row in csv.DictReader(stream)}
    cases = {case.id: case for case in find_cases(dataset) if case.split == "test"}
    assert rows.keys() == cases.keys()
    loaded = load_bundle(bundle, "cpu")
    for name, row in rows.items():
        scores = score_files([loaded], cases[name].image, cases[name].label, tolerance_mm=1.0).classes
        ours = [scores["anterior"].dice, scores["posterior"].dice]
        np.testing.assert_allclose([float(row["class0"]), float(row["class1"])], ours, atol=1e-3)


def test_network_takes_and_gives_what_the_metadata_says(bundle: Path) -> None:
    from monai.bundle import verify_net_in_out

    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.yaml"),
        device="cpu",
    )


def test_torchscript_export_gives_the_same_logits(bundle: Path, loaded: LoadedBundle, tmp_path: Path) -> None:
    from monai.bundle import ckpt_export

    ckpt_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.ts"),
        ckpt_file=str(bundle / "models" / "model.pt"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.yaml"),
        key_in_ckpt="",
    )
    exported = torch.jit.load(str(tmp_path / "model.ts")).eval()
    image = torch.randn(1, 1, 40, 56, 40, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(exported(image), loaded.network(image), rtol=1e-4, atol=1e-4)
