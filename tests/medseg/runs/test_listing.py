import pytest

from medseg.runs import list_runs, open_run
from medseg.runs.store import data_folder


def test_the_latest_runs_come_first(store):
    for command in ("predict", "train"):
        with open_run(command, options={}, output_dir=None) as run:
            run.use_model("hippocampus", "1.0.0", "ab" * 32)
    with pytest.raises(KeyError), open_run("evaluate", options={}, output_dir=None):
        raise KeyError("jane_doe")

    first, second = list_runs(limit=2)

    assert (first.command, first.status, first.error) == ("evaluate", "FAILED", "KeyError")
    assert (second.command, second.status, second.model, second.error) == ("train", "FINISHED", "hippocampus", None)
    assert second.seconds >= 0


def test_listing_makes_no_store():
    assert list_runs() == []
    assert not data_folder().exists()


def test_the_limit_must_be_positive():
    with pytest.raises(ValueError, match="`limit` must be positive, got 0"):
        list_runs(0)
