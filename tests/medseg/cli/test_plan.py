import json
import shutil

import pytest
import yaml

from medseg.io import read_label, write_label


@pytest.fixture
def planned(medseg, made_up_cases, tmp_path):
    """A plan for the made-up cases, its file, and what was printed."""
    path = tmp_path / "plan.yaml"
    made = medseg("plan", "hippocampus_unet", "--data", made_up_cases, "-o", path, "--memory", "4", "--json")
    assert made.code == 0, made.err
    return path, json.loads(made.out)


def test_a_plan_is_written_explained_kept_and_trained_with(medseg, planned, made_up_cases, small_training, tmp_path):
    path, printed = planned
    values = yaml.safe_load(path.read_text())
    # 18 x 20 x 16 voxels, and a network whose strides make it multiples of 8; 10 of 15 cases train.
    assert values == {
        "spacing": [1.0, 1.0, 1.0],
        "roi_size": [24, 24, 16],
        "batch_size": 2,
        "max_epochs": 1296,
        "learning_rate": 0.002,
    }
    assert {item["key"]: item["value"] for item in printed["plan"]} == values
    assert all(item["reason"].endswith(".") for item in printed["plan"])
    assert printed["fingerprint"]["cases"] == 12
    assert printed["memory"]["available"] == 4_000_000_000
    assert "case_0" not in json.dumps(printed["fingerprint"])
    assert "case_0" not in path.read_text()

    endless = medseg("plan", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "no.yaml", "--memory", "inf")
    assert endless.code == 2
    assert "finite number" in endless.err
    again = medseg("plan", "hippocampus_unet", "--data", made_up_cases, "-o", path)
    assert again.code == 2
    assert "--overwrite" in again.err
    shown = medseg("plan", "hippocampus_unet", "--data", made_up_cases, "-o", path, "--overwrite")
    assert shown.code == 0
    assert "multiples of 8 x 8 x 8" in shown.out
    assert "anterior" in shown.out
    assert "available" in shown.out

    bundle = tmp_path / "bundle"
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, "--no-log", "--plan", path)
    tiny = [item for item in small_training if not item.startswith(("batch_size", "roi_size"))]
    settings = [part for key in tiny if key != "--set" for part in ("--set", key)]
    trained = medseg(*train, *settings)
    assert trained.code == 0, trained.err
    assert "needs about" in trained.err
    used = json.loads((bundle / "train" / "settings.json").read_text())["overrides"]
    assert (used["roi_size"], used["max_epochs"]) == ([24, 24, 16], 2)  # --set wins
    assert yaml.safe_load((bundle / "configs" / "inference.yaml").read_text())["roi_size"] == [24, 24, 16]


def test_a_plan_that_says_what_the_bundle_says_keeps_its_configs(medseg, made_up_cases, small_training, tmp_path):
    (tmp_path / "plan.yaml").write_text("spacing: [1, 1, 1]\nmax_epochs: 1\n")
    bundle = tmp_path / "bundle"
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, "--no-log", "--json")
    narrow = [part for part in small_training if not part.startswith(("roi_size", "network_def", "max_epochs"))]
    settings = [part for key in narrow if key != "--set" for part in ("--set", key)]
    assert medseg(*train, "--plan", tmp_path / "plan.yaml", *settings).code == 0
    assert "'@spacing'" in (bundle / "configs" / "inference.yaml").read_text()


def test_spacing_of_a_plan_reaches_inference(medseg, made_up_cases, small_training, tmp_path):
    bundle = tmp_path / "bundle"
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, "--no-log", *small_training)
    assert medseg(*train, "--set", "spacing=[1.5, 1.5, 1.5]").code == 0
    assert yaml.safe_load((bundle / "configs" / "inference.yaml").read_text())["spacing"] == [1.5, 1.5, 1.5]
    score = ("evaluate", "-b", bundle, "--data", made_up_cases, "--split", "test", "-o", tmp_path / "scores")
    assert medseg(*score, "--no-log", "--trust-bundle").code == 0


def test_wrong_arguments_of_plan(medseg, made_up_cases, planned, tmp_path):
    path, _ = planned
    assert medseg("plan", "particle_tracker", "--data", made_up_cases, "-o", tmp_path / "p.yaml").code == 2
    little = ("plan", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "p.yaml", "--memory", "0.05")
    assert "not even a patch of" in medseg(*little).err
    assert not (tmp_path / "p.yaml").exists()
    path.write_text("max_epoch: 3\n")
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "out", "--no-log")
    typo = medseg(*train, "--plan", path)
    assert typo.code == 2
    assert "did you mean max_epochs?" in typo.err


def test_a_training_that_cannot_end_well_is_refused(medseg, made_up_cases, small_training, tmp_path):
    data, output = tmp_path / "data", tmp_path / "out"
    shutil.copytree(made_up_cases, data)
    train = ("train", "hippocampus_unet", "--data", data, "-o", output, "--no-log", *small_training)
    little = medseg(*train, "--memory", "0.01")
    assert little.code == 2
    assert "lower batch_size or roi_size" in little.err

    for path in (data / "labelsTr").iterdir():
        label = read_label(path)
        write_label(path, (label.data[0] == 1).astype("uint8"), label)
    absent = medseg(*train, "--overwrite")
    assert absent.code == 2
    assert "posterior" in absent.err

    for number in range(4, 15):
        (data / "imagesTr" / f"case_{number:02}.nii.gz").unlink()
    few = medseg(*train, "--overwrite")
    assert few.code == 2
    assert "4 cases are too few: 5 are needed" in few.err
    assert not (output / "models").exists()
