import sqlite3
from contextlib import closing

import pytest
from mlflow.tracking import MlflowClient

from medseg.errors import UserError
from medseg.runs.store import (
    connect,
    data_folder,
    default_uri,
    experiment_id,
    prepare_store,
    sqlite_file,
    tracking_uri,
    without_credentials,
)


def test_processes_that_start_at_once_on_a_fresh_store_share_one_experiment(start_script):
    # forking after the slow imports makes them meet at the store
    script = """
import os
import mlflow
from medseg.runs import open_run
workers = []
for _ in range(4):
    workers.append(os.fork())
    if workers[-1] == 0:
        with open_run("predict", options={}, output_dir=None) as run:
            run.log_metrics({"dice": 0.5})
        raise SystemExit
print([os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers])
"""
    output, errors = start_script(script).communicate(timeout=120)

    assert output.strip() == "[0, 0, 0, 0]", errors
    assert errors == ""
    client = MlflowClient(default_uri())
    experiment = client.get_experiment_by_name("medseg")
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 4
    assert all(run.data.metrics["dice"] == 0.5 for run in runs)
    assert client.search_runs(["0"]) == []
    assert experiment.artifact_location == (data_folder() / "artifacts").as_uri()


def test_the_default_store_lies_in_the_users_folder():
    assert tracking_uri() == default_uri() == f"sqlite:///{data_folder() / 'mlflow.db'}"


def test_an_experiment_is_made_once(store):
    assert experiment_id(store) == experiment_id(store)
    assert experiment_id(store, "other") != experiment_id(store)


def test_a_deleted_experiment_is_the_users_to_mend(store):
    store.delete_experiment(experiment_id(store))

    with pytest.raises(UserError, match="mlflow experiments restore --experiment-id 1"):
        experiment_id(store)


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    (tmp_path / "notes.db").write_text("shopping list\n" * 100)

    with pytest.raises(UserError, match=r"notes\.db cannot be read as SQLite"):
        connect(f"sqlite:///{tmp_path / 'notes.db'}")


def test_a_database_of_others_is_not_migrated(empty_store, tmp_path):
    shared = tmp_path / "shared.db"
    shared.write_bytes(empty_store.read_bytes())
    with closing(sqlite3.connect(shared)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()

    with pytest.raises(UserError, match="out-of-date database schema"):
        connect(f"sqlite:///{shared}")


@pytest.mark.parametrize("uri", ["sqlite:///{tmp}/file/mlflow.db", "http://127.0.0.1:9", "nonsense://x"])
def test_a_store_that_cannot_be_used_is_the_users_to_mend(uri, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="--no-log") as caught:
        connect(uri.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)


def test_a_prepared_store_needs_no_lock(store):
    (data_folder() / "mlflow.db.lock").unlink(missing_ok=True)

    prepare_store(default_uri())

    assert not (data_folder() / "mlflow.db.lock").exists()


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sqlite:////data/mlflow.db", "/data/mlflow.db"),
        ("sqlite:///mlflow.db?timeout=5", "mlflow.db"),
        ("sqlite:///:memory:", None),
        ("http://server:5000", None),
    ],
)
def test_the_file_of_a_store(uri, name):
    found = sqlite_file(uri)
    assert (str(found) if found else None) == name


def test_credentials_are_not_shown():
    assert without_credentials("https://jane:secret@server:5000/x") == "https://server:5000/x"
    assert without_credentials("sqlite:////data/a@b.db") == "sqlite:////data/a@b.db"


def test_a_fresh_store_does_not_know_the_folder_it_was_made_from(start_script, tmp_path):
    script = """
import os
from medseg.runs import list_runs, open_run, repair_runs
os.mkdir("ward_of_jane_doe")
os.chdir("ward_of_jane_doe")
with open_run("predict", options={"overlap": 0.5}, output_dir=None) as run:
    run.log_metrics({"dice": 0.5})
    run.log_table("cases", [{"case": "1"}])
    repair_runs()
print(len(list_runs()), os.listdir())
"""
    output, errors = start_script(script).communicate(timeout=120)

    assert output.strip() == "1 []", errors
    for file in data_folder().glob("mlflow.db*"):
        assert b"ward_of_jane_doe" not in file.read_bytes()
    default = MlflowClient(default_uri()).get_experiment("0")
    assert default.artifact_location == (data_folder() / "artifacts" / "0").as_uri()


def test_a_client_does_not_write_the_current_folder_either(empty_store, tmp_path, monkeypatch):
    database = tmp_path / "shared" / "mlflow.db"
    database.parent.mkdir()
    database.write_bytes(empty_store.read_bytes())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM experiments")
        connection.commit()
    (tmp_path / "ward_of_jane_doe").mkdir()
    monkeypatch.chdir(tmp_path / "ward_of_jane_doe")

    client = connect(f"sqlite:///{database}")

    assert client.get_experiment("0").artifact_location == (tmp_path / "shared" / "artifacts" / "0").as_uri()
    assert b"ward_of_jane_doe" not in database.read_bytes()
