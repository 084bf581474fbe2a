import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import typer

from medseg.errors import UserError
from medseg.runs import Run, list_runs, open_run
from medseg.runs.store import data_folder

SLEEPER = """
import signal, sys, time
from pathlib import Path
from medseg.runs import open_run
signal.signal(signal.SIGHUP, signal.SIG_IGN if "nohup" in sys.argv else signal.SIG_DFL)
with open_run("train", options={}, output_dir=Path(sys.argv[1]).parent):
    Path(sys.argv[1]).touch()
    time.sleep(2 if "nohup" in sys.argv else 60)
"""


def test_a_run_says_how_a_result_came_about(store, logged, tmp_path):
    with open_run("predict", options={"overlap": 0.5, "roi": {"size": [8, 8]}}, output_dir=tmp_path, seed=7) as run:
        run.device = "cpu"
        run.log_metrics({"dice": 0.9})
        run.use_model("hippocampus", "1.2.0", "ab" * 32)
        run.use_model("other", "2.0.0", "cd" * 32)

    (found,) = logged()
    assert (found.info.run_id, found.info.status, found.info.run_name) == (run.run_id, "FINISHED", "predict")
    assert found.data.params == {"overlap": "0.5", "roi.size": "[8, 8]", "seed": "7"}
    assert found.data.metrics["dice"] == 0.9
    assert found.data.metrics["peak_memory_bytes"] > 1e6
    assert 0 <= found.data.metrics["wall_seconds"] < 60
    tags = found.data.tags
    assert tags["model"] == "hippocampus, other"
    assert tags["device"] == "cpu"
    assert len(tags["git_commit"].removesuffix("-dirty")) == 40
    assert {"command", "medseg_version", "version_torch", "version_monai", "version_python", "pid"} <= tags.keys()
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["mlflow"]["run_id"] == run.run_id
    assert record["status"] == "FINISHED"
    assert record["params"] == {"overlap": 0.5, "roi": {"size": [8, 8]}, "seed": 7}
    assert record["metrics"] == {"dice": 0.9}
    assert record["models"][1] == {"name": "other", "version": "2.0.0", "sha256": "cd" * 32}
    assert record["problems"] == []


def test_an_exception_fails_the_run_and_goes_on(store, logged, tmp_path):
    with pytest.raises(ZeroDivisionError), open_run("predict", options={}, output_dir=tmp_path / "absent"):
        1 / 0  # noqa: B018

    assert logged()[0].info.status == "FAILED"
    assert logged()[0].data.tags["error"] == "ZeroDivisionError"
    assert not (tmp_path / "absent").exists()


def test_the_message_of_an_error_stays_beside_the_outputs(store, logged, tmp_path):
    with pytest.raises(UserError), open_run("predict", options={}, output_dir=tmp_path) as run:
        run.add_input(tmp_path / "absent.nii.gz")

    assert logged()[0].data.tags["error"].startswith("UserError at medseg.io.digest:")
    assert "absent.nii.gz" in json.loads((tmp_path / "run.json").read_text())["message"]


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (KeyboardInterrupt(), "FAILED"),
        (SystemExit(2), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(), "FINISHED"),
        (UserError("wrong"), "FAILED"),
    ],
)
def test_how_a_command_ends_is_the_status(store, logged, raised, status):
    with pytest.raises(type(raised)), open_run("predict", options={}, output_dir=None):
        raise raised

    assert logged()[0].info.status == status


def test_a_command_can_fail_and_go_on(store, logged, tmp_path):
    with open_run("predict", options={}, output_dir=tmp_path) as run:
        run.fail("2 of 3 inputs could not be read")

    assert logged()[0].info.status == "FAILED"
    assert logged()[0].data.tags["failure"] == "2 of 3 inputs could not be read"
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "FAILED"


@pytest.mark.parametrize("ends", [typer.Exit(2), SystemExit(2)])
def test_an_exit_does_not_hide_why_the_command_failed(store, logged, tmp_path, ends):
    def command() -> None:
        with open_run("predict", options={}, output_dir=tmp_path) as run:
            run.fail("2 of 3 inputs could not be read")
            raise ends

    with pytest.raises(type(ends)):
        command()

    assert "error" not in logged()[0].data.tags
    assert list_runs()[0].error == "2 of 3 inputs could not be read"
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["error"]) == ("FAILED", None)
    assert record["failure"] == "2 of 3 inputs could not be read"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_terminating_the_process_fails_the_run(store, logged, start_script, wait_for, tmp_path, signum):
    process = start_script(SLEEPER, tmp_path / "open")
    wait_for(tmp_path / "open")

    process.send_signal(signum)

    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, errors
    assert logged()[0].info.status == "FAILED"
    assert logged()[0].data.tags["error"] == "SystemExit"
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "FAILED"


def test_a_command_that_ignores_hangups_goes_on(store, logged, start_script, wait_for, tmp_path):
    process = start_script(SLEEPER, tmp_path / "open", "nohup")
    wait_for(tmp_path / "open")

    process.send_signal(signal.SIGHUP)

    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert logged()[0].info.status == "FINISHED"


def test_a_forked_worker_leaves_the_run_to_its_parent(store, logged, start_script):
    script = """
import os, signal
from medseg.runs import open_run, list_runs
with open_run("train", options={}, output_dir=None):
    worker = os.fork()
    if worker == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    ended = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    worker = os.fork()
    if worker == 0:
        raise SystemExit(3)
    os.waitpid(worker, 0)
    print(ended, list_runs()[0].status)
"""
    output, errors = start_script(script).communicate(timeout=60)

    assert output.split() == [str(-signal.SIGTERM), "RUNNING"], errors
    assert logged()[0].info.status == "FINISHED"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_given_back(store, signum):
    previous = signal.signal(signum, signal.SIG_DFL)
    try:
        with open_run("predict", options={}, output_dir=None):
            assert signal.getsignal(signum) != signal.SIG_DFL
        assert signal.getsignal(signum) == signal.SIG_DFL
    finally:
        signal.signal(signum, previous)


def test_sigterm_within_the_test_process_ends_the_block(store, logged):
    def command() -> None:
        with open_run("predict", options={}, output_dir=None):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(SystemExit, match="143"):
        command()

    assert logged()[0].info.status == "FAILED"


def test_a_run_can_be_opened_in_another_thread(store, logged):
    def work() -> None:
        with open_run("predict", options={}, output_dir=None):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert logged()[0].info.status == "FINISHED"


def test_without_mlflow_the_record_is_made_all_the_same(tmp_path):
    with open_run("predict", options={"overlap": 0.5}, output_dir=tmp_path / "new", enabled=False) as run:
        assert (run.enabled, run.run_id, run.tracking_uri) == (False, None, None)
        case = run.case("jane_doe")
        run.device = "cpu"
        run.log_metrics({"dice": 0.5})
        run.log_table("cases", [{"case": "jane_doe", "dice": 0.5}])
        run.flush()

    record = json.loads((tmp_path / "new" / "run.json").read_text())
    assert record["mlflow"] is None
    assert record["cases"] == {case: "jane_doe"}
    assert record["status"] == "FINISHED"
    assert not (data_folder() / "mlflow.db").exists()


def test_without_mlflow_an_unwritable_user_folder_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))

    with open_run("predict", options={}, output_dir=tmp_path, enabled=False) as run:
        run.case("jane_doe")

    assert "jane_doe" in json.loads((tmp_path / "run.json").read_text())["cases"].values()


def test_without_mlflow_no_heavy_library_is_loaded(start_script):
    script = """
import sys
from medseg.runs import open_run
with open_run("predict", options={}, output_dir=None, enabled=False):
    pass
print([name for name in ("mlflow", "torch", "monai", "ignite", "itk") if name in sys.modules])
"""
    output, errors = start_script(script).communicate(timeout=60)

    assert output.strip() == "[]", errors


def test_the_set_tracking_uri_wins(store, empty_store, tmp_path, monkeypatch):
    other = tmp_path / "other.db"
    other.write_bytes(empty_store.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")

    with open_run("predict", options={}, output_dir=None) as run:
        assert run.tracking_uri == f"sqlite:///{other}"

    assert store.get_experiment_by_name("medseg") is None
    assert (tmp_path / "artifacts" / run.run_id).is_dir()


def test_an_unusable_user_folder_is_the_users_to_mend(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))

    with pytest.raises(UserError, match="--no-log"), open_run("predict", options={}, output_dir=None):
        pytest.fail("the command must not start")


def test_results_outlive_a_store_that_breaks(store, tmp_path):
    def command() -> Run:
        with open_run("predict", options={}, output_dir=tmp_path) as run:
            (data_folder() / "mlflow.db").write_bytes(b"not a database" * 1000)
            run.log_metrics({"dice": 0.9})
        return run

    with pytest.warns(RuntimeWarning, match="final status could not be logged"):
        run = command()

    record = json.loads((tmp_path / "run.json").read_text())
    assert record["metrics"]["dice"] == 0.9
    assert record["problems"] == run.problems
    assert any("metrics" in problem for problem in run.problems)


def test_a_record_that_cannot_be_written_is_a_warning(store, logged, tmp_path):
    Path(tmp_path / "run.json").mkdir()

    with (
        pytest.warns(RuntimeWarning, match=r"run.json could not be written"),
        open_run("predict", options={}, output_dir=tmp_path),
    ):
        pass

    assert logged()[0].info.status == "FINISHED"


def test_the_record_of_an_earlier_command_is_kept(tmp_path):
    for name in ("jane_doe", "john_roe", "jim_poe"):
        with open_run("predict", options={}, output_dir=tmp_path, enabled=False) as run:
            run.record["started"] = "2026-01-02T03:04:05+00:00"
            run.case(name)

    records = {
        path.name: list(json.loads(path.read_text())["cases"].values()) for path in sorted(tmp_path.glob("*.json"))
    }
    assert records == {
        "run-2026-01-02T03-04-05-00-00.json": ["jane_doe"],
        "run-2026-01-02T03-04-05-00-00-2.json": ["john_roe"],
        "run.json": ["jim_poe"],
    }


@pytest.mark.parametrize("former", [b"\xff{", b"[]", b"{}"])
def test_a_former_record_that_cannot_be_read_is_kept_by_its_time(tmp_path, former):
    (tmp_path / "run.json").write_bytes(former)
    os.utime(tmp_path / "run.json", (0, 0))

    with open_run("predict", options={}, output_dir=tmp_path, enabled=False):
        pass

    assert (tmp_path / "run-1970-01-01T00-00-00-00-00.json").read_bytes() == former
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "FINISHED"


def test_a_name_that_is_not_utf8_is_logged_and_recorded(store, logged, tmp_path):
    name = os.fsdecode(b"caf\xe9")
    image = tmp_path / f"{name}.nii.gz"
    image.write_bytes(b"voxels")
    figure = tmp_path / f"{name}_overlay.png"
    figure.write_bytes(b"pixels")

    with open_run("predict", options={"image": image, "note": f"of {name}2"}, output_dir=tmp_path) as run:
        run.add_input(image)
        pseudonym = run.case(name)
        run.log_metrics({name: 0.5})
        run.log_table("cases", [{"case": name, "image": image}])
        run.log_figure(figure)
        run.fail(f"{name} failed, as {name}2 did")

    record = json.loads((tmp_path / "run.json").read_text())
    assert record["problems"] == []
    assert record["cases"] == {pseudonym: name}
    assert logged()[0].data.tags["failure"] == f"{pseudonym} failed, as caf\N{REPLACEMENT CHARACTER}2 did"
    assert logged()[0].data.metrics[pseudonym] == 0.5
