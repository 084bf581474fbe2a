import math

import pytest

from medseg.errors import UserError
from medseg.runs.mlflow_run import MlflowRun
from medseg.runs.store import default_uri


@pytest.fixture
def run(store) -> MlflowRun:
    return MlflowRun.create(default_uri(), "test", {})


def test_metrics_that_are_not_finite_are_counted(store, run):
    for step, value in enumerate((0.5, math.nan, math.inf, 0.75)):
        run.log_metrics({"dice": value}, step)
    run.flush()

    assert store.get_run(run.run_id).data.metrics == {"dice": 0.75, "dice_undefined": 2}
    assert [(point.step, point.value) for point in store.get_metric_history(run.run_id, "dice")] == [
        (0, 0.5),
        (3, 0.75),
    ]


def test_metrics_wait_for_company(store, run):
    for step in range(999):
        run.log_metrics({"loss": 1.0}, step)
    assert store.get_run(run.run_id).data.metrics == {}

    run.log_metrics({"loss": 1.0}, 999)
    assert len(store.get_metric_history(run.run_id, "loss")) == 1000


def test_metrics_stay_while_the_store_does_not_take_them(store, run):
    store.delete_run(run.run_id)
    run.log_metrics({"dice": 0.5})
    run.flush()
    assert run.problems == ["metrics could not be logged to MLflow (MlflowException)"]

    store.restore_run(run.run_id)
    run.flush()
    assert store.get_run(run.run_id).data.metrics == {"dice": 0.5}


def test_a_long_parameter_is_cut(store, run, recwarn):
    run.log_params({"labels": "x" * 7000} | {f"p{index}": index for index in range(150)})

    params = store.get_run(run.run_id).data.params
    assert len(params) == 151
    assert params["labels"] == "x" * 6000
    assert run.problems == []


def test_the_first_value_of_a_parameter_stays(store, run):
    run.log_params({"overlap": 0.5})
    run.log_params({"overlap": 0.25, "device": "cpu"})

    assert store.get_run(run.run_id).data.params == {"overlap": "0.5", "device": "cpu"}
    assert run.problems == []


def test_names_are_made_valid(store, run):
    run.log_metrics({"dice (%)": 0.5, "/a/b": 0.25})
    run.end("FINISHED")

    assert store.get_run(run.run_id).data.metrics == {"dice ___": 0.5, "a/b": 0.25}


def test_only_a_run_that_exists_can_be_joined(store, run):
    assert MlflowRun.join(default_uri(), run.run_id).run_id == run.run_id
    with pytest.raises(UserError, match="has no run 'absent'"):
        MlflowRun.join(default_uri(), "absent")
