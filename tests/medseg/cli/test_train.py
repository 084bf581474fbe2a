import json
import shutil

import numpy as np
import pytest

from medseg.io import read_label, write_label


def test_a_trained_bundle_is_complete_logged_and_resumable(medseg, made_up_cases, logged, small_training, tmp_path):
    bundle = tmp_path / "mine"
    trained = medseg("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, *small_training, "--json")

    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["cases"] == {"train": 10, "validation": 2, "test": 3}
    assert (bundle / "models" / "model.pt").is_file()
    assert len(json.loads((bundle / "docs" / "manifest.json").read_text())["cases"]) == 15
    assert json.loads((bundle / "configs" / "metadata.json").read_text())["eval_metrics"] == {}
    (run,) = logged()
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "0"
    assert 0 <= run.data.metrics["best_dice"] <= 1
    assert run.data.metrics["train_loss"] > 0

    score = (
        "evaluate",
        "-b",
        bundle,
        "--data",
        made_up_cases,
        "--split",
        "test",
        "-o",
        tmp_path / "scores",
        "--no-log",
    )
    refused = medseg(*score)
    assert "--trust-bundle" in refused.err  # its network is not the one that shipped
    assert medseg(*score, "--trust-bundle").code == 0
    assert len(json.loads((tmp_path / "scores" / "metrics.json").read_text())["cases"]) == 3

    again = medseg("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, *small_training, "--no-log")
    assert again.code == 2
    assert "--resume" in again.err

    go_on = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, "--resume", "--no-log")
    resumed = medseg(*go_on, "--set", "max_epochs=3")
    assert resumed.code == 0, resumed.err  # with the other settings of the beginning
    assert "epoch 3 of 3" in resumed.err
    assert "epoch 1 of" not in resumed.err

    manifest = (bundle / "docs" / "manifest.json").read_bytes()
    other_seed = medseg(*go_on, "--set", "max_epochs=4", "--seed", "7")
    assert other_seed.code == 2
    assert "--seed 0" in other_seed.err
    other_cases = tmp_path / "other"
    shutil.copytree(made_up_cases, other_cases)
    label = read_label(other_cases / "labelsTr" / "case_03.nii.gz")
    write_label(other_cases / "labelsTr" / "case_03.nii.gz", np.roll(label.data[0], 1, axis=0), label)
    assert "train anew" in medseg(*go_on[:3], other_cases, *go_on[4:], "--set", "max_epochs=4").err
    assert (bundle / "docs" / "manifest.json").read_bytes() == manifest


def test_nothing_of_a_trained_bundle_names_the_cases_or_claims_what_is_not_its_own(
    medseg, made_up_cases, small_training, tmp_path
):
    data, bundle = tmp_path / "data", tmp_path / "bundle"
    shutil.copytree(made_up_cases, data)
    for part in ("imagesTr", "labelsTr"):
        (data / part / "case_04.nii.gz").rename(data / part / "Meier-Lehmann.nii.gz")
    assert medseg("train", "hippocampus_unet", "--data", data, "-o", bundle, *small_training, "--no-log").code == 0

    written = [path for path in bundle.rglob("*") if path.is_file() and path.name not in ("run.json", "log.txt")]
    assert len(written) > 8
    for path in written:
        assert b"Meier-Lehmann" not in path.read_bytes(), path
    assert "Meier-Lehmann" in (bundle / "run.json").read_text()
    metadata = (bundle / "configs" / "metadata.json").read_text()
    assert "CC-BY-SA" not in metadata
    assert "Task04" not in metadata


@pytest.mark.parametrize("name", ['$open("ran","w") and "x"', "@eaDir", "%x"])
def test_the_name_of_a_folder_is_never_run(medseg, made_up_cases, small_training, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made_up_cases, tmp_path / name)
    trained = medseg("train", "hippocampus_unet", "--data", name, "-o", f"{name}-out", *small_training, "--no-log")
    assert trained.code == 0, trained.err
    assert not (tmp_path / "ran").exists()


def test_a_training_does_not_go_on_in_a_changed_copy(medseg, made_up_cases, small_training, tmp_path):
    bundle = tmp_path / "bundle"
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, "--no-log")
    assert medseg(*train, *small_training).code == 0
    config = bundle / "configs" / "train.yaml"
    config.write_text(config.read_text().replace("initialize:", f"initialize:\n- $open('{tmp_path}/ran', 'w')"))

    result = medseg(*train, "--resume", "--set", "max_epochs=3")

    assert result.code == 2
    assert "no longer holds the configs" in result.err
    assert not (tmp_path / "ran").exists()


def test_wrong_arguments_of_train(medseg, made_up_cases, tmp_path):
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "out")
    typo = medseg(*train, "--set", "max_epoch=2")
    assert typo.code == 2
    assert "did you mean max_epochs?" in typo.err
    assert medseg(*train, "--set", "max_epochs").code == 2
    assert medseg(*train, "--set", "dataset_dir=elsewhere").code == 2
    word = medseg(*train, "--set", "batch_size=abc", "--no-log")
    assert word.code == 2
    assert "cannot be used as it is set" in word.err
    nothing = medseg(*train[:-1], tmp_path / "nothing", "--resume", "--no-log")
    assert nothing.code == 2
    assert "resume" in nothing.err
    assert medseg("train", "hippocampus_unet", "--data", tmp_path, "-o", tmp_path / "out").code == 2


def test_a_label_outside_the_classes_stops_training_before_it_starts(medseg, made_up_cases, small_training, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(made_up_cases, data)
    path = data / "labelsTr" / "case_03.nii.gz"
    label = read_label(path)
    write_label(path, np.where(label.data[0] == 2, 5, label.data[0]), label)

    result = medseg("train", "hippocampus_unet", "--data", data, "-o", tmp_path / "out", *small_training, "--no-log")

    assert result.code == 2
    assert "case_03.nii.gz" in result.err
    assert "5" in result.err
    assert not (tmp_path / "out" / "models").exists()
