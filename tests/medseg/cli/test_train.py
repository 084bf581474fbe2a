import json
import shutil

import numpy as np

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

    longer = [*small_training, "--set", "max_epochs=3"]
    resumed = medseg(
        "train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, *longer, "--resume", "--no-log"
    )
    assert resumed.code == 0, resumed.err
    assert "epoch 3 of 3" in resumed.err
    assert "epoch 1 of" not in resumed.err


def test_wrong_arguments_of_train(medseg, made_up_cases, tmp_path):
    train = ("train", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "out")
    typo = medseg(*train, "--set", "max_epoch=2")
    assert typo.code == 2
    assert "did you mean max_epochs?" in typo.err
    assert medseg(*train, "--set", "max_epochs").code == 2
    nothing = medseg(*train, "--resume", "--no-log")
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
