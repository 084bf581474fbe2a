import os

import psutil

from medseg.runs.process import is_running, process_tags


def test_this_process_runs():
    tags = process_tags(bytes(32))

    assert is_running(int(tags["pid"]), float(tags["process_started"]))


def test_a_process_of_the_same_number_but_another_start_is_another():
    assert not is_running(os.getpid(), psutil.Process().create_time() - 60)


def test_the_machine_goes_by_a_keyed_hash():
    assert process_tags(bytes(32))["host"] != process_tags(b"1" * 32)["host"]
