import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from medseg.bundle import read_metadata
from medseg.training.dataset import find_cases
from medseg.training.fold import Fold


@pytest.fixture
def crossval(medseg, made_up_cases, small_training, tmp_path):
    """`medseg crossval` of the shipped U-Net in three folds, on made-up cases, into the folder out."""

    def run(*more, data=made_up_cases):
        return medseg(
            *("crossval", "hippocampus_unet", "--data", data, "-o", tmp_path / "out", "--folds", 3),
            *small_training,
            *more,
        )

    return run


def test_every_case_is_scored_by_the_model_that_has_not_seen_it(medseg, crossval, made_up_cases, logged, tmp_path):
    done = crossval("--json")

    assert done.code == 0, done.err
    out = tmp_path / "out"
    metrics = json.loads(done.out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert [one["n"] for one in metrics["folds"]] == [5, 5, 5]
    assert metrics["missing_folds"] == []
    assert metrics["summary"]["anterior"]["n"] + metrics["summary"]["anterior"]["n_undefined"] == 15
    assert len((out / "cases.csv").read_text().splitlines()) == 1 + 15 * 2
    assert (out / "dice.png").is_file()
    plan = json.loads((out / "folds.json").read_text())
    for fold in range(3):
        cases = find_cases(made_up_cases, Fold(fold=fold, folds=3))
        tested = {row["case"] for row in metrics["cases"] if row["fold"] == fold}
        assert tested == {case.id for case in cases if case.split == "test"}
        assert tested == {case["case"] for case in plan["cases"] if case["fold"] == fold}
        manifest = json.loads((out / f"fold_{fold}" / "docs" / "manifest.json").read_text())
        assert sorted(case["split"] for case in manifest["cases"]) == sorted(case.split for case in cases)
        assert (out / f"fold_{fold}" / "scores" / "cases.csv").is_file()

    parent, *children = logged()
    assert [run.info.status for run in (parent, *children)] == ["FINISHED"] * 4
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert "mlflow.parentRunId" not in parent.data.tags
    assert parent.data.metrics["anterior_n"] == metrics["summary"]["anterior"]["n"]

    trials = {}
    for fold in range(3):
        scored = json.loads((out / f"fold_{fold}" / "scores" / "metrics.json").read_text())
        trials |= scored["postprocessing_trials"]
        for row in scored["cases"]:
            of_anterior = [trial for trial in trials[row["case"]] if trial["value"] == 1]
            assert [trial["before"] for trial in of_anterior] == [row["anterior"]["dice"]] * 2
    evidence = metrics["postprocessing"]["evidence"]
    assert [(item["value"], item["option"]) for item in evidence] == list(
        itertools.product((1, 2), ("largest_component", "fill_holes"))
    )
    for item in evidence:
        gains = [
            trial["after"] - trial["before"]
            for rows in trials.values()
            for trial in rows
            if (trial["option"], trial["value"]) == (item["option"], item["value"]) and trial["before"] is not None
        ]
        assert (item["n"], item["gain"]) == (len(gains), pytest.approx(sum(gains) / len(gains)))
        assert parent.data.metrics[f"gain_{item['option']}_{item['value']}"] == pytest.approx(item["gain"])

    again = crossval()
    assert again.code == 0, again.err
    assert "Post-processing, gain in Dice" in again.out
    assert again.err.count("finished before, kept") == 3
    parent, second = (run for run in logged() if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in logged() if "mlflow.parentRunId" in run.data.tags]
    assert [run.data.tags["mlflow.parentRunId"] for run in children] == [second.info.run_id] * 3
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert "Dice of each fold" in again.out

    shutil.rmtree(out / "fold_0" / "scores")  # as after a kill between training and scoring
    former = out / "fold_1" / "scores" / "metrics.json"  # as before there were trials
    kept = json.loads(former.read_text())
    former.write_text(json.dumps({key: value for key, value in kept.items() if key != "postprocessing_trials"}))
    scored = crossval("--no-log").err
    assert [f"fold {fold}: trained before, kept" in scored for fold in range(3)] == [True, True, False]
    assert json.loads((out / "metrics.json").read_text()) == metrics

    # What is to test a bundle chooses nothing of it.
    new, other = tmp_path / "new", shutil.copytree(out / "fold_1", tmp_path / "other")
    refused = medseg("bundle", "postprocess", other, "--crossval", out, "-o", new, "--no-log")
    assert refused.code == 2
    assert "5 of the 5 cases that are to test bundle `other` are among those" in refused.err
    # One that has other tests does to these cases what the trials said.
    (other / "docs" / "manifest.json").unlink()
    given = medseg("bundle", "postprocess", other, "--crossval", out, "-o", new, "--no-log")
    assert given.code == 0, given.err
    assert read_metadata(new).postprocessing.model_dump() == metrics["postprocessing"]
    assert metrics["postprocessing"]["largest_component"] == [1, 2]
    scores = ("-o", tmp_path / "scores", "--trust-bundle", "--json", "--no-log")
    of_fold = {row["case"] for row in metrics["cases"] if row["fold"] == 1}
    for row in json.loads(medseg("evaluate", "-b", new, "--data", made_up_cases, *scores).out)["cases"]:
        if row["case"] in of_fold:
            assert row["anterior"]["dice"] == pytest.approx(trials[row["case"]][0]["after"])


def test_a_cross_validation_goes_on_only_as_it_was_begun(crossval, made_up_cases, tmp_path):
    first = crossval("--only", 1, "--no-log")
    assert first.code == 0, first.err
    assert "not done yet: fold 0, 2; post-processing is chosen when all folds are there" in first.err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["postprocessing"] is None
    assert [path.name for path in sorted((tmp_path / "out").glob("fold_*"))] == ["fold_1"]

    seed = crossval("--seed", 4, "--no-log")
    assert seed.code == 2
    assert "--seed differ" in seed.err
    assert "--set differ" in crossval("--set", "learning_rate=0.1", "--no-log").err
    fewer = tmp_path / "fewer"
    shutil.copytree(made_up_cases, fewer)
    (fewer / "imagesTr" / "case_00.nii.gz").unlink()
    assert "the cases, their labels or their patients differ" in crossval("--no-log", data=fewer).err

    weights = tmp_path / "out" / "fold_1" / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes() + b"more")
    changed = crossval("--only", 1, "--no-log")
    assert changed.code == 2
    assert "is not what was scored" in changed.err


def test_a_fold_that_fails_fails_the_whole(crossval, logged):
    failed = crossval("--set", "learning_rate=1.0e+30", "--set", "precision=float32")

    assert failed.code == 2
    assert "in epoch 1" in failed.err
    assert "case_" in failed.err
    parent, child = logged()
    assert (parent.info.status, child.info.status) == ("FAILED", "FAILED")
    assert all("case_" not in text for run in (parent, child) for text in run.data.tags.values())


def test_the_test_set_can_be_kept_out_of_it_all(medseg, made_up_cases, small_training, tmp_path):
    members = ("crossval", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "out", "--keep-test")
    done = medseg(*members, *small_training, "--only", 3, "--json", "--no-log")

    assert done.code == 0, done.err
    kept = {case.id for case in find_cases(made_up_cases) if case.split == "test"}
    plan = json.loads((tmp_path / "out" / "folds.json").read_text())
    assert not kept & {case["case"] for case in plan["cases"]}
    manifest = json.loads((tmp_path / "out" / "fold_3" / "docs" / "manifest.json").read_text())
    assert sorted({case["part"] for case in manifest["cases"]}) == [1, 2, 3, 4]
    assert {case["part"] for case in manifest["cases"] if case["split"] == "test"} == {4}
    assert json.loads(done.out)["missing_folds"] == [0, 1, 2]

    assert "from 0 to 3, got 4" in medseg(*members, "--only", 4).err
    assert "leave out --folds" in medseg(*members, "--folds", 4).err


def test_what_cannot_be_cross_validated_is_refused_before_anything_is_trained(
    medseg, made_up_cases, small_training, tmp_path
):
    few = tmp_path / "few"
    for part in ("imagesTr", "labelsTr"):
        (few / part).mkdir(parents=True)
        for number in range(3):
            shutil.copy(made_up_cases / part / f"case_{number:02}.nii.gz", few / part)
    start = ("crossval", "hippocampus_unet", "--data", few, "-o", tmp_path / "out", "--no-log")
    result = medseg(*start)
    assert result.code == 2
    assert "fold 2 would have no test case: 3 cases are too few" in result.err
    assert not list((tmp_path / "out").glob("fold*"))

    # What a later fold lacks is told before the first one trains: nine of the fifteen cases are of one patient.
    data = shutil.copytree(made_up_cases, tmp_path / "data")
    rows = [f"case_{number:02},{0 if number < 9 else number}" for number in range(15)]
    (data / "patients.csv").write_text("\n".join(["case,patient", *rows]) + "\n")
    few = medseg(
        "crossval",
        "hippocampus_unet",
        "--data",
        data,
        "--folds",
        "3",
        *small_training,
        "--set",
        "batch_size=6",
        "--no-log",
        "-o",
        tmp_path / "uneven",
    )
    assert few.code == 2
    assert re.search(r"fold \d: batch_size is 6 and the training cases are 4", few.err)
    assert not list((tmp_path / "uneven").glob("fold*"))

    assert "tracks particles" in medseg(*start[:1], "particle_tracker", *start[2:]).err
    assert "follows from the options" in medseg(*start, "--set", "fold=2").err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    assert "holds no cross-validation" in medseg(*start[:5], tmp_path / "full", "--no-log").err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_cross_validation_comes_to_the_same_numbers(made_up_cases, small_training, tmp_path):
    command = [sys.executable, "-m", "medseg", "crossval", "hippocampus_unet", "--data", str(made_up_cases)]
    command += ["--folds", "2", *small_training, "--set", "max_epochs=5", "--set", "val_interval=2", "--no-log", "-o"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def start(folder):
        return subprocess.Popen(
            [*command, str(folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    assert start(tmp_path / "whole").wait() == 0
    killed = tmp_path / "killed"
    kills = 0
    for milestone in ("fold_0/configs", "fold_0/train/last.pt", "fold_0/scores", "fold_1/train/last.pt"):
        process = start(killed)
        while not (killed / milestone).exists() and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        if (killed / "fold_0" / "train" / "last.pt").exists():
            (killed / "fold_0" / "configs" / ".medseg-0123456789ab.yaml").touch()  # as if in the midst of a write
    assert kills >= 3
    assert start(killed).wait() == 0

    assert (killed / "metrics.json").read_bytes() == (tmp_path / "whole" / "metrics.json").read_bytes()
    assert (killed / "cases.csv").read_bytes() == (tmp_path / "whole" / "cases.csv").read_bytes()
