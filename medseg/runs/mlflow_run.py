import json
import math
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.errors import UserError
from medseg.runs.scalars import scalars
from medseg.runs.store import MEND, connect, experiment_id, without_credentials

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LONGEST_PARAMETER = 6000
LONGEST_DIGEST = 36
FULL_BUFFER = 1000
FLUSH_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 600.0


class MlflowRun:
    """A run in an MLflow store, which may fail without stopping the work it describes.

    Whatever the store refuses is named in `problems`; nothing here raises for it. Metrics are buffered, as one alone
    takes a server 40 ms, and stay in the buffer while the store does not take them.

    Args:
        client: A connected client.
        run_id: An existing run.
    """

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.run_id = run_id
        self.problems: list[str] = []
        self._client = client
        self._metrics: list[Any] = []
        self._params: set[str] = set()
        self._undefined: Counter[str] = Counter()
        self._last_flush = time.monotonic()
        self._pause = FLUSH_SECONDS

    @classmethod
    def join(cls, uri: str, run_id: str) -> "MlflowRun":
        """A run that another object opened and will end.

        Raises:
            UserError: The store cannot be used or has no such run.
        """
        client = connect(uri)
        from mlflow.exceptions import MlflowException

        try:
            client.get_run(run_id)
        except MlflowException:
            raise UserError(f"The MLflow store {without_credentials(uri)} has no run {run_id!r}.") from None
        return cls(client, run_id)

    @classmethod
    def create(cls, uri: str, name: str, tags: Mapping[str, str]) -> "MlflowRun":
        """A new run of status RUNNING; MLflow's client adds no user and no file name to `tags`, its fluent API would.

        Raises:
            UserError: The store cannot be used.
        """
        client = connect(uri)
        from mlflow.exceptions import MlflowException

        try:
            run = client.create_run(experiment_id(client), run_name=name, tags=dict(tags))
        except (MlflowException, OSError) as error:
            store = without_credentials(uri)
            raise UserError(f"The MLflow store {store} takes no run ({type(error).__name__}): {MEND}.") from error
        return cls(client, run.info.run_id)

    def log_metrics(self, values: Mapping[str, object], step: int | None = None) -> None:
        """Buffer metrics; one that is not finite is counted as ``<name>_undefined`` instead of being stored."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for name, value in scalars(values):
            name = _valid_name(name)
            if not math.isfinite(value):
                name = f"{name}_undefined"
                self._undefined[name] += 1
                value = float(self._undefined[name])
            self._metrics.append(Metric(name, value, now, step or 0))
        if len(self._metrics) >= FULL_BUFFER or time.monotonic() - self._last_flush > self._pause:
            self.flush()

    def flush(self) -> None:
        """Send what is buffered; after a refusal the next attempt waits longer."""
        metrics = self._metrics
        self._last_flush = time.monotonic()
        if not metrics:
            return
        if self._attempt("metrics", lambda: self._client.log_batch(self.run_id, metrics=metrics)):
            self._metrics = []
            self._pause = FLUSH_SECONDS
        else:
            self._pause = min(self._pause * 4, LONGEST_PAUSE_SECONDS)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Parameters, each cut at the 6000 characters MLflow takes; it takes each once, so the first value stays."""
        from mlflow.entities import Param

        new = {_valid_name(name): str(value)[:LONGEST_PARAMETER] for name, value in params.items()}
        batch = [Param(name, value) for name, value in new.items() if name not in self._params]
        self._params |= new.keys()
        self._attempt("parameters", lambda: self._client.log_batch(self.run_id, params=batch))

    def set_tags(self, tags: Mapping[str, str], run_id: str | None = None) -> None:
        """Set or replace tags, of another run if one is named."""
        from mlflow.entities import RunTag

        batch = [RunTag(name, value) for name, value in tags.items()]
        self._attempt("tags", lambda: self._client.log_batch(run_id or self.run_id, tags=batch))

    def log_json(self, name: str, value: object) -> None:
        """Write an artifact, replacing one of the same name."""
        text = json.dumps(value, indent=2)
        self._attempt(name, lambda: self._client.log_text(self.run_id, text, name))

    def log_file(self, path: Path, folder: str, name: str) -> None:
        """Copy a file into the run as ``folder/name``."""

        def copy() -> None:
            with tempfile.TemporaryDirectory() as temporary:
                renamed = shutil.copyfile(path, Path(temporary, name))
                self._client.log_artifact(self.run_id, str(renamed), folder)

        self._attempt(f"{folder}/{name}", copy)

    def log_dataset(self, digest: str, count: int) -> None:
        """Name what the run read by the first 36 hex digits of its digest, which is all MLflow stores."""
        from mlflow.entities import Dataset, DatasetInput

        profile = json.dumps({"inputs": count})
        dataset = Dataset("inputs", digest[:LONGEST_DIGEST], "sha256", digest, profile=profile)
        self._attempt("inputs", lambda: self._client.log_inputs(self.run_id, [DatasetInput(dataset)]))

    def end(self, status: str) -> None:
        """Send what is left and set the final status: FINISHED, FAILED or KILLED."""
        self.flush()
        self._attempt("the final status", lambda: self._client.set_terminated(self.run_id, status))

    def _attempt(self, what: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except Exception as error:  # whatever a store raises, the work it describes has to survive it
            problem = f"{what} could not be logged to MLflow ({type(error).__name__})"
            if problem not in self.problems:
                self.problems.append(problem)
            return False
        return True


def _valid_name(name: str) -> str:
    """The name with ``_`` for every character that MLflow refuses in one."""
    valid = "".join(character if character.isalnum() or character in "_-. :/" else "_" for character in name)
    return valid.strip("/")[:240] or "_"
