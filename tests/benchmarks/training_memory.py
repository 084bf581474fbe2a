"""Memory that a training takes, as estimated before it starts and as measured: the process's peak less what it had."""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

NETWORKS = {
    "U-Net": {},
    "FocusNet": {
        "_target_": "medseg.networks.focusnet.FocusNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 3,
        "width": 0.25,
        "stem_size": 3,
        "strides": [2, 2, 2, 1],
        "norm": "instance",
    },
    "DeepLabv3+": {
        "_target_": "medseg.networks.deeplabv3plus.DeepLabV3Plus",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 3,
        "width": 0.25,
        "output_stride": 8,
        "stem_stride": 2,
        "rates": [1, 2, 3],
        "norm": "instance",
    },
}
SHAPE = (36, 50, 35)
CASES, EPOCHS = 25, 2


def measure(network: str, precision: str, batch_size: int) -> str:
    """One row of the table; call it in a process of its own."""
    import ignite.engine  # noqa: F401 - what training imports does not belong to what it takes
    import mlflow  # noqa: F401
    import monai.bundle  # noqa: F401
    import psutil
    import torch

    from medseg.bundle import read_metadata, shipped_bundles
    from medseg.training.dataset import find_cases
    from medseg.training.fingerprint import make_fingerprint
    from medseg.training.memory import cache_bytes, estimate_training_memory
    from medseg.training.recipe import read_recipe
    from medseg.training.verify import verify_case
    from medseg.training.workflow import copy_untrained, merged_config, run_training

    source = shipped_bundles()["hippocampus_unet"]
    overrides = {"precision": precision, "batch_size": batch_size, "max_epochs": EPOCHS, "val_interval": 1}
    if NETWORKS[network]:
        overrides["network_def"] = NETWORKS[network]
    with tempfile.TemporaryDirectory() as folder:
        data, bundle = Path(folder) / "data", Path(folder) / "bundle"
        make_cases(data)
        metadata, cases = read_metadata(source), find_cases(data)
        facts = [verify_case(case, metadata) for case in cases if case.split != "test"]
        mean_volume = make_fingerprint(facts, metadata.classes).mean_volume
        recipe = read_recipe(merged_config(overrides, source))
        cache = cache_bytes(len(facts), 1, mean_volume, recipe.roi_size)
        estimate = estimate_training_memory(
            recipe.network_def, recipe.roi_size, 1, batch_size, recipe.dtype, cache=cache
        ).total
        del recipe
        copy_untrained(source, bundle)
        given = {"dataset_dir": str(data), "device": torch.device("cpu"), "mlflow_enabled": False}
        before = psutil.Process().memory_info().rss
        run_training(bundle, {**overrides, **given}, lambda *_: None)
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    sizes = f"{estimate / 1e6:.0f} | {taken / 1e6:.0f} | {estimate / taken:.2f}"
    return f"| {network} | {precision} | {batch_size} | {sizes} |"


def make_cases(folder: Path) -> None:
    """Made-up cases of the size of a hippocampus crop."""
    import numpy as np

    from medseg.io import Image, write_image, write_label

    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for number in range(CASES):
        noise = np.random.default_rng(number).normal(size=SHAPE).astype(np.float32)
        image = Image(noise[np.newaxis], np.eye(4), ".nii.gz")
        write_image(folder / "imagesTr" / f"{number}.nii.gz", image)
        write_label(folder / "labelsTr" / f"{number}.nii.gz", np.digitize(noise, [1.0, 2.0]), image)


def main() -> None:
    """Print the table; every row is measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", nargs=3, metavar=("NETWORK", "PRECISION", "BATCH"), help="only this row")
    row = parser.parse_args().row
    if row:
        print(measure(row[0], row[1], int(row[2])))
        return
    print("| network | precision | batch size | estimated, MB | measured, MB | ratio |\n|---|---|---|---|---|---|")
    for network in NETWORKS:
        for precision, batch_size in (("bfloat16", 4), ("bfloat16", 8), ("float32", 4)):
            command = [sys.executable, *sys.orig_argv[1 : sys.orig_argv.index(sys.argv[0])], __file__]
            row = ["--row", network, precision, str(batch_size)]
            done = subprocess.run([*command, *row], check=True, capture_output=True, text=True)
            print(done.stdout.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
