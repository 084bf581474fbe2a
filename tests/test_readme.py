import re
import shlex
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from medseg.bundle import find_bundle, load_bundle
from medseg.cli.app import main
from medseg.cli.demo import find_template
from medseg.io import crop, read_image, read_label, write_image

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ medseg")
]
GUIDE = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "how-to.md").read_text(), re.DOTALL)
TO_ONNX = [block for block in GUIDE if "onnx" in block]
# What makes the README's training a matter of seconds.
QUICK = "--set val_interval=1 --set network_def#channels=[4,8] --set network_def#strides=[2] --set max_epochs="


def test_the_readme_shows_commands():
    assert {shlex.split(command)[1] for command in COMMANDS} >= {"segment", "evaluate", "train", "runs", "bundle"}


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text())
    assert len(links) > 5
    for link in links:
        assert (ROOT / link).exists(), link


def test_commands_of_the_readme_work(tmp_path, monkeypatch, hippocampus_data, store):
    monkeypatch.chdir(tmp_path)
    write_image(Path("scan.nii.gz"), crop(read_image(find_template()), (27.0, -22.0, -14.0), (36.0, 52.0, 36.0)))
    for part in ("imagesTr", "labelsTr"):  # a fifth of the cases is enough to see that the commands work
        Path("Task04_Hippocampus", part).mkdir(parents=True)
        for path in sorted((hippocampus_data / part).glob("*.nii.gz"))[::5]:
            Path("Task04_Hippocampus", part, path.name).symlink_to(path)
    Path("MyCases").symlink_to("Task04_Hippocampus")
    for command in COMMANDS:
        arguments = shlex.split(command)
        if arguments[1] == "train":
            arguments += shlex.split(QUICK + ("2" if "--resume" in arguments else "1"))
        if arguments[1] == "crossval":
            arguments += ["--only", "0", *shlex.split(QUICK + "1")]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, command


def test_python_of_the_guide_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Path("brain.nii.gz"), read_image(find_template()))
    blocks = [block for block in GUIDE if block not in TO_ONNX]
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    assert read_label(Path("crop_seg.nii.gz")).data.any()


@pytest.mark.slow
def test_a_bundles_network_exported_as_the_guide_says_gives_its_logits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = TO_ONNX
    exec(block, {})
    session = onnxruntime.InferenceSession("hippocampus_unet.onnx", providers=["CPUExecutionProvider"])
    patches = torch.randn(2, 1, 40, 56, 40, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = load_bundle(find_bundle("hippocampus_unet"), "cpu").network(patches).numpy()
    (logits,) = session.run(None, {"image": patches.numpy()})
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
