import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def start_script(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a Python script in a process of its own, on the store of the test."""
    started = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=tmp_path, env=env, text=True, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def wait_for() -> Callable[[Path], None]:
    """Wait until a process has made a file."""

    def wait(path: Path) -> None:
        deadline = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < deadline, f"{path.name} did not appear"
            time.sleep(0.05)

    return wait
