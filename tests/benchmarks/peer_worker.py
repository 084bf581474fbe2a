"""A process that links, in whatever environment its program needs, with a limit on its time."""

import json
import os
import selectors
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

# One thread each, so that times are those of one core.
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}


@dataclass(frozen=True, eq=False)
class Links:
    """What a worker answers: the particle of every spot, or why there is none."""

    particle: np.ndarray | None
    seconds: float
    failure: str | None


class PeerWorker:
    """Keeps ``command`` running, and starts it anew when it had to be stopped."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.folder = tempfile.TemporaryDirectory(prefix="peer-links-")
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
        self.folder.cleanup()

    def link(self, spots: Path, method: str, options: dict[str, Any], limit: float) -> Links:
        """Link the spots of a file; what takes longer than ``limit`` seconds has failed."""
        output = Path(self.folder.name) / "particle.npy"
        request = {"method": method, "options": options, "spots": str(spots.resolve()), "output": str(output)}
        process = self.process or self._start()
        stdin, stdout = process.stdin, process.stdout
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(stdout, selectors.EVENT_READ)
                if not selector.select(limit):
                    self._stop()
                    return Links(None, limit, f"took longer than {limit:g} s")
            answer = json.loads(stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self._stop()
            return Links(None, 0.0, f"its process ended with code {process.returncode}")
        if answer["failure"]:
            return Links(None, answer["seconds"], answer["failure"])
        return Links(np.load(output), answer["seconds"], None)

    def _start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **THREADS},
        )
        return self.process

    def _stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None
