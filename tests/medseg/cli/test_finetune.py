import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from medseg.bundle import read_metadata
from medseg.bundle.weights import read_weights
from medseg.io import read_label, sha256_of, write_label
from medseg.training.dataset import find_cases
from medseg.training.manifest import unseen_cases


@pytest.fixture(scope="module")
def start(tmp_path_factory, made_up_cases, small_training):
    """A small bundle that has learnt the made-up cases halfway: its network is not the one that shipped."""
    from typer.testing import CliRunner

    from medseg.cli.app import app

    folder = tmp_path_factory.mktemp("start") / "start"
    more = ("--set", "max_epochs=6", "--set", "learning_rate=0.03", "--no-log")
    command = ["train", "hippocampus_unet", "--data", str(made_up_cases), "-o", str(folder), *small_training, *more]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    (folder / "docs" / "data_license.txt").write_text("Licence of the former data.\n")
    return folder


@pytest.fixture(scope="module")
def few_cases(tmp_path_factory, made_up_cases):
    """Eight cases that `start` has not seen, of a scanner whose images are darker and reversed in contrast."""
    from medseg.io import Image, read_image, write_image

    root = tmp_path_factory.mktemp("few")
    for part in ("imagesTr", "labelsTr"):
        (root / part).mkdir()
    for number in range(8):
        image = read_image(made_up_cases / "imagesTr" / f"case_{number:02}.nii.gz")
        other = Image(-40 * image.data + 100, image.affine, ".nii.gz")
        write_image(root / "imagesTr" / f"site_{number}.nii.gz", other)
        shutil.copy(
            made_up_cases / "labelsTr" / f"case_{number:02}.nii.gz", root / "labelsTr" / f"site_{number}.nii.gz"
        )
    return root


@pytest.fixture
def finetune(medseg, start, few_cases, tmp_path):
    """`medseg finetune` of `start` on the few cases, into the folder out."""

    def run(*more, data=few_cases, bundle=start):
        return medseg("finetune", bundle, "--data", data, "-o", tmp_path / "out", "--trust-bundle", *more)

    return run


def test_a_bundle_is_fine_tuned_measured_logged_and_resumable(
    finetune, start, few_cases, made_up_cases, logged, tmp_path
):
    done = finetune("--epochs", 6, "--set", "learning_rate=0.03", "--json")

    assert done.code == 0, done.err
    out = tmp_path / "out"
    result = json.loads(done.out)
    assert result == json.loads((out / "finetune.json").read_text())
    assert (out / "finetune.png").is_file()
    assert result["bundle"]["weights_sha256"] == sha256_of(start / "models" / "model.pt")
    assert result["weights_sha256"] == sha256_of(out / "models" / "model.pt")
    assert not result["kept_start"]
    assert result["n"] == 2
    assert result["seen_before"] == 0
    assert {row["case"] for row in result["cases"]} == {
        case.id for case in find_cases(few_cases) if case.split == "test"
    }
    for name, item in result["classes"].items():
        dice = item["dice"]
        rows = [row[name] for row in result["cases"]]
        assert dice["n"] == 2
        assert dice["before"] == pytest.approx(np.mean([row["before"]["dice"] for row in rows]))
        assert dice["after"] == pytest.approx(np.mean([row["after"]["dice"] for row in rows]))
        assert dice["difference"] == pytest.approx(dice["after"] - dice["before"])
        assert dice["ci95"][0] <= dice["difference"] <= dice["ci95"][1]
    assert result["classes"]["anterior"]["dice"]["difference"] > 0.1

    (run,) = logged()
    assert (run.info.status, run.data.tags["command"]) == ("FINISHED", "finetune")
    for part in ("before", "after", "difference"):
        assert run.data.metrics[f"{part}_anterior_dice"] == pytest.approx(result["classes"]["anterior"]["dice"][part])
    assert run.data.params["freeze_encoder"] == "False"
    assert "site_" not in str(run.data)

    metadata = read_metadata(out)
    assert sha256_of(start / "models" / "model.pt") in metadata.changelog[metadata.version]
    licence = (out / "docs" / "data_license.txt").read_text()
    assert licence.startswith("Licence of the former data.\n")
    assert "their owner's" in licence
    # What the weights have seen is known: the cases of the start, and those trained on now.
    assert len(unseen_cases(find_cases(few_cases), [out])) == 2
    assert len(unseen_cases(find_cases(made_up_cases), [out])) == 3

    weights = (out / "models" / "model.pt").read_bytes()
    kept = finetune("--resume", "--no-log")
    assert kept.code == 0, kept.err
    assert "trained before, kept" in kept.err
    assert (out / "models" / "model.pt").read_bytes() == weights
    assert "2 cases are few" in kept.err
    assert "95 % interval" in kept.out
    longer = finetune("--resume", "--no-log", "--epochs", 7)
    assert longer.code == 0, longer.err
    assert "epoch 7 of 7" in longer.err
    assert "epoch 6 of" not in longer.err


def test_a_frozen_encoder_stays_bit_for_bit(finetune, start, tmp_path):
    done = finetune("--epochs", 2, "--freeze-encoder", "--set", "learning_rate=0.03", "--no-log", "--json")

    assert done.code == 0, done.err
    assert json.loads(done.out)["freeze_encoder"]
    before = read_weights(start / "models" / "model.pt")
    after = torch.load(tmp_path / "out" / "train" / "last.pt", weights_only=True)["network"]
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        name for name in before if name.startswith("model.2.")
    }


def test_worse_weights_are_not_taken(finetune, start, made_up_cases, tmp_path):
    """On the cases that `start` knows, with steps that wreck it; it has seen some of the cases left out, too."""
    worse = finetune("--epochs", 2, "--set", "learning_rate=30.0", "--no-log", data=made_up_cases)

    assert worse.code == 0, worse.err
    assert "nothing was gained" in worse.err
    result = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert result["kept_start"]
    assert result["classes"]["anterior"]["dice"]["difference"] == 0
    before, after = (read_weights(folder / "models" / "model.pt") for folder in (start, tmp_path / "out"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_cases_that_the_weights_have_seen_are_told(finetune, start, made_up_cases, tmp_path):
    renamed = tmp_path / "renamed"
    for part in ("imagesTr", "labelsTr"):
        (renamed / part).mkdir(parents=True)
        for case in find_cases(made_up_cases):
            shutil.copy(made_up_cases / part / f"{case.id}.nii.gz", renamed / part / f"x{case.id}.nii.gz")
    seen = [f"x{case.id}" for case in find_cases(made_up_cases) if case.split != "test"]
    left_out = [case.id for case in find_cases(renamed) if case.split == "test" and case.id in seen]
    assert left_out
    told = finetune("--epochs", 1, "--no-log", data=renamed)
    assert told.code == 0, told.err
    assert f"made with {len(left_out)} of the 3 cases left out" in told.err
    assert json.loads((tmp_path / "out" / "finetune.json").read_text())["seen_before"] == len(left_out)


def test_what_cannot_be_fine_tuned_is_refused_before_anything_is_trained(medseg, finetune, few_cases, tmp_path):
    few = tmp_path / "four"
    for part in ("imagesTr", "labelsTr"):
        (few / part).mkdir(parents=True)
        for number in range(4):
            shutil.copy(few_cases / part / f"site_{number}.nii.gz", few / part)
    result = finetune("--no-log", data=few)
    assert result.code == 2
    assert "5 patients at least" in result.err
    assert "medseg track --calibrate" in finetune("--no-log", bundle="particle_tracker").err
    assert "give one of them" in finetune("--epochs", 2, "--set", "max_epochs=3", "--no-log").err
    assert "no training to resume" in finetune("--resume", "--no-log").err
    untrusted = medseg("finetune", "hippocampus_unet", "--data", few_cases, "-o", tmp_path / "out", "--set", "epochs=2")
    assert "the train config has no `epochs`" in untrusted.err
    other = finetune("--no-log", "--set", "network_def#channels=[4, 16]")
    assert other.code == 2
    assert "of another shape" in other.err
    assert not (tmp_path / "out" / "models" / "model.pt").exists()


def test_a_class_that_no_case_holds_is_not_unlearnt(finetune, few_cases, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(few_cases, data)
    for path in (data / "labelsTr").iterdir():
        label = read_label(path)
        write_label(path, np.where(label.data[0] == 2, 0, label.data[0]), label)
    refused = finetune("--epochs", 1, "--no-log", data=data)
    assert refused.code == 2
    assert "no training case holds the class posterior (label value 2)" in refused.err
    assert not (tmp_path / "out" / "models").exists()


def test_a_fine_tuning_goes_on_as_it_was_begun(medseg, finetune, start, made_up_cases, tmp_path):
    assert finetune("--epochs", 1, "--no-log").code == 0
    assert "begun without --freeze-encoder" in finetune("--resume", "--freeze-encoder", "--no-log").err
    assert "not those that the training was begun with" in finetune("--resume", "--no-log", data=made_up_cases).err
    go_on = ("train", start, "--data", made_up_cases, "-o", tmp_path / "out", "--resume", "--trust-bundle", "--no-log")
    assert "begun by medseg finetune" in medseg(*go_on).err
    assert "not begun with the weights" in finetune("--resume", "--no-log", bundle="hippocampus_unet").err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_fine_tuning_comes_to_the_same_numbers(start, few_cases, tmp_path):
    command = [sys.executable, "-m", "medseg", "finetune", str(start), "--data", str(few_cases), "--trust-bundle"]
    begin = ["--epochs", "8", "--set", "val_interval=2", "--freeze-encoder"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def run(folder, *more):
        return subprocess.Popen(
            [*command, "--no-log", "-o", str(folder), *more],
            **{"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL},
        )

    assert run(tmp_path / "whole", *begin).wait() == 0
    killed = tmp_path / "killed"
    process = run(killed, *begin)
    while not (killed / "train" / "last.pt").exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert run(killed, "--resume").wait() == 0

    whole, resumed = (json.loads((tmp_path / name / "finetune.json").read_text()) for name in ("whole", "killed"))
    assert whole == resumed  # the digest of the weights among it
