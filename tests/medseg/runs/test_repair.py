import os
import signal

from medseg.runs import Repair, open_run, repair_runs
from medseg.runs.store import data_folder, experiment_id

SLEEPER = """
import sys, time
from pathlib import Path
from medseg.runs import open_run
with open_run("train", options={}, output_dir=None):
    Path(sys.argv[1]).touch()
    time.sleep(60)
"""


def test_the_run_of_a_killed_process_is_closed_and_that_of_a_living_one_is_not(
    store, logged, start_script, wait_for, tmp_path
):
    process = start_script(SLEEPER, tmp_path / "open")
    wait_for(tmp_path / "open")
    os.kill(process.pid, signal.SIGKILL)  # not waited for: a zombie is dead as well
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    (killed,) = logged()
    assert killed.info.status == "RUNNING"

    with open_run("predict", options={}, output_dir=None) as living:
        repair = repair_runs()

        assert [run.run_id for run in repair.closed] == [killed.info.run_id]
        assert repair.closed[0].command == "train"
        assert (repair.alive, repair.elsewhere) == (1, 0)
        assert store.get_run(living.run_id).info.status == "RUNNING"
    repaired = store.get_run(killed.info.run_id)
    assert repaired.info.status == "KILLED"
    assert "repaired" in repaired.data.tags


def test_a_process_number_given_anew_does_not_pass_for_the_process(store):
    with open_run("predict", options={}, output_dir=None) as run:
        store.set_tag(run.run_id, "process_started", "1000.0")

        assert [closed.run_id for closed in repair_runs().closed] == [run.run_id]


def test_runs_of_other_machines_and_programs_are_left_alone(store):
    foreign = store.create_run(experiment_id(store)).info.run_id
    with open_run("predict", options={}, output_dir=None) as run:
        store.set_tag(run.run_id, "host", "another")
        store.set_tag(run.run_id, "process_started", "1000.0")

        assert repair_runs() == Repair([], alive=0, elsewhere=2)
        assert store.get_run(run.run_id).info.status == "RUNNING"
    assert store.get_run(foreign).info.status == "RUNNING"


def test_repairing_makes_no_store():
    assert repair_runs() == Repair([], alive=0, elsewhere=0)
    assert not data_folder().exists()
