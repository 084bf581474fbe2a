import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from medseg.runs import open_run
from medseg.runs.store import data_folder, default_uri


@pytest.fixture
def user_interface(store) -> Iterator[str]:
    """`mlflow ui` on the user's default store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", default_uri(), "--port", str(port)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    with open(data_folder() / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
            break
        except OSError:
            assert time.monotonic() < deadline, (data_folder() / "server.log").read_text()
            time.sleep(0.5)
    yield url
    os.killpg(server.pid, 15)
    server.wait(30)


@pytest.mark.slow
def test_a_run_opens_in_mlflow_ui_with_its_table(user_interface, tmp_path):
    with open_run("segment", options={"strict": True}, output_dir=tmp_path) as run:
        run.log_metrics({"failed": 0})
        run.log_table("cases", [{"case": "scan", "status": "segmented"}])

    def get(path: str) -> bytes:
        return urllib.request.urlopen(f"{user_interface}{path}", timeout=30).read()

    shown = json.loads(get(f"/api/2.0/mlflow/runs/get?run_id={run.run_id}"))["run"]
    assert shown["info"]["status"] == "FINISHED"
    assert {"key": "strict", "value": "True"} in shown["data"]["params"]
    table = json.loads(get(f"/get-artifact?path=tables/cases.json&run_uuid={run.run_id}"))
    assert [row["status"] for row in table] == ["segmented"]
    assert b"<html" in get("/").lower()
