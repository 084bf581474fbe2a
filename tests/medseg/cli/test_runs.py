import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """The command line in a process of its own, to be killed."""
    started = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "medseg", *map(str, arguments)]
        started.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def endless(made_up_cases, small_training, tmp_path) -> tuple[object, ...]:
    """A training that goes on until it is stopped."""
    forever = ("--set", "max_epochs=100000", "--set", "val_interval=100000")
    return ("train", "hippocampus_unet", "--data", made_up_cases, "-o", tmp_path / "out", *small_training, *forever)


def test_sigterm_fails_the_run_and_keeps_the_checkpoint(start, endless, logged, tmp_path):
    process = start(*endless)
    wait_until((tmp_path / "out" / "train" / "last.pt").exists)
    process.terminate()

    assert process.wait(60) == 128 + signal.SIGTERM
    assert [run.info.status for run in logged()] == ["FAILED"]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "FAILED"


def test_a_killed_process_is_repaired_and_a_live_one_left_alone(medseg, start, endless, logged, tmp_path):
    process = start(*endless)
    wait_until((tmp_path / "out" / "train" / "last.pt").exists)

    alive = json.loads(medseg("runs", "repair", "--json").out)
    assert (alive["closed"], alive["alive"]) == ([], 1)

    process.kill()
    process.wait(60)
    assert [run.info.status for run in logged()] == ["RUNNING"]
    assert "1 closed" in medseg("runs", "repair").out
    assert [run.info.status for run in logged()] == ["KILLED"]
    assert json.loads(medseg("runs", "list", "--json").out)["runs"][0]["status"] == "KILLED"


def test_a_killed_child_fails_the_run_of_its_parent(start, endless, logged, tmp_path):
    process = start(*endless, "--set", "num_workers=1")
    parent = psutil.Process(process.pid)
    wait_until((tmp_path / "out" / "train" / "last.pt").exists)
    wait_until(lambda: parent.children())
    # Workers come and go with every epoch: kill until one is hit at work.
    while process.poll() is None:
        for child in parent.children():
            child.kill()
        time.sleep(0.05)

    assert process.returncode not in (0, None)
    assert [run.info.status for run in logged()] == ["FAILED"]


def test_a_run_of_every_command_that_works_on_images(medseg, logged, made_up_cases, small_training, tmp_path):
    bundle, images, labels = tmp_path / "bundle", made_up_cases / "imagesTr", made_up_cases / "labelsTr"
    assert medseg("train", "hippocampus_unet", "--data", made_up_cases, "-o", bundle, *small_training).code == 0
    # The shipped network with the shipped weights: the small ones would not fit the inference config.
    model = ("--bundle", "hippocampus_unet")
    assert medseg("segment", images / "case_00.nii.gz", *model, "-o", tmp_path / "segmented").code == 0
    medseg("evaluate", *model, "--images", images, "--labels", labels, "-o", tmp_path / "scores")
    assert medseg("demo", "-o", tmp_path / "demo").code == 0
    medseg("bundle", "list")
    medseg("info")

    runs = logged()
    assert [run.data.tags["command"] for run in runs] == ["train", "segment", "evaluate", "demo"]
    for run in runs:
        assert run.info.status == "FINISHED"
        assert {"wall_seconds", "peak_memory_bytes"} <= run.data.metrics.keys()
        assert len(run.data.tags["dataset_sha256"]) == 64
        # The demo segments and tracks, with a model each.
        assert [len(sha) for sha in run.data.tags["model_sha256"].split(", ")] in ([64], [64, 64])
        assert run.data.tags["device"]
    listed = medseg("runs", "list").out
    assert listed.count("FINISHED") == 4
