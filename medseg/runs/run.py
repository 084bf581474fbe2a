import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medseg.io import sha256_of
from medseg.runs.mlflow_run import MlflowRun
from medseg.runs.pseudonyms import Pseudonyms
from medseg.runs.scalars import scalars


class Run:
    """What one command did, for MLflow without paths and names, and for ``run.json`` with the way back to them.

    A command gets it from `open_run`. Every method works alike when MLflow is off: the record is still made.

    Args:
        record: Facts known at the start, as they go into ``run.json``.
        pseudonyms: What replaces names and paths.
        mlflow: The run in the store, None when MLflow is off.
        tracking_uri: The store without credentials, to be shown rather than connected to; None when MLflow is off.
    """

    def __init__(
        self,
        record: dict[str, Any],
        *,
        pseudonyms: Pseudonyms,
        mlflow: MlflowRun | None,
        tracking_uri: str | None,
    ) -> None:
        self.record = record
        self.failure: str | None = None
        self.tracking_uri = tracking_uri
        self._pseudonyms = pseudonyms
        self._mlflow = mlflow
        self._config: dict[str, object] = {}
        record["mlflow"] = {"run_id": mlflow.run_id, "tracking_uri": tracking_uri} if mlflow else None
        record |= {"dataset": None, "device": None, "params": {}, "metrics": {}}
        record |= {"models": [], "tables": [], "figures": []}

    @property
    def enabled(self) -> bool:
        """Whether the run is logged to MLflow."""
        return self._mlflow is not None

    @property
    def run_id(self) -> str | None:
        """The run's identifier in MLflow, None when MLflow is off."""
        return self._mlflow.run_id if self._mlflow else None

    @property
    def problems(self) -> list[str]:
        """What could not be logged, a phrase each; the work itself went on."""
        return self._mlflow.problems if self._mlflow else []

    @property
    def device(self) -> str | None:
        """Where the command computes, as torch names it: ``cpu``, ``cuda:0``."""
        device: str | None = self.record["device"]
        return device

    @device.setter
    def device(self, device: str) -> None:
        self.record["device"] = device
        if self._mlflow:
            self._mlflow.set_tags({"device": device})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log settings, flattened to ``outer.inner``; uncut they are in the artifact ``config.json``.

        Paths and the names of known cases are replaced first. MLflow takes a parameter once; a later value of the same
        name is in ``config.json`` alone.
        """
        self.record["params"] |= params
        scrubbed = _mapping(self._pseudonyms.scrub(params))
        self._config |= scrubbed
        if self._mlflow:
            self._mlflow.log_params(_flatten(scrubbed))
            self._mlflow.log_json("config.json", self._config)

    def log_metrics(self, metrics: Mapping[str, object], step: int | None = None) -> None:
        """Log numbers, tensors or mappings of them; ``run.json`` keeps the last value of each.

        A value that is not finite is not sent to MLflow but counted as ``<name>_undefined``.

        Raises:
            TypeError: A value is not a number and holds none.
        """
        numbers = {self._pseudonyms.scrub_words(name): value for name, value in scalars(metrics)}
        self.record["metrics"] |= {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        if self._mlflow:
            self._mlflow.log_metrics(numbers, step)

    def add_input(self, path: Path, digest: str | None = None) -> str:
        """Name a file or folder the command reads; returns the SHA-256 of its contents as 64 hex digits.

        Args:
            path: Goes into ``run.json`` alone.
            digest: The digest if it is known already.
        """
        digest = digest or sha256_of(path)
        self._pseudonyms.add_input(path, digest)
        return digest

    def case(self, name: str) -> str:
        """The pseudonym of a case, the same in every run of this user; only ``run.json`` leads back from it."""
        return self._pseudonyms.case(name)

    def log_table(self, name: str, rows: Sequence[Mapping[str, object]], case_key: str = "case") -> None:
        """Log rows as the artifact ``tables/<name>.json``, cases by pseudonym and without paths.

        Args:
            name: Name of the table, without a suffix.
            rows: One mapping a row.
            case_key: Column that holds the name of a case; rows may lack it.
        """
        cases = [{case_key: self.case(str(row[case_key]))} if case_key in row else {} for row in rows]
        scrubbed = [_mapping(self._pseudonyms.scrub(row)) | case for row, case in zip(rows, cases, strict=True)]
        self.record["tables"].append(name)
        if self._mlflow:
            self._mlflow.log_json(f"tables/{name}.json", scrubbed)

    def log_config(self, name: str, config: Mapping[str, object]) -> None:
        """Log a whole config as the artifact ``<name>.json``, without paths; none of it becomes a parameter."""
        self.record["configs"] = {**self.record.get("configs", {}), name: config}
        if self._mlflow:
            self._mlflow.log_json(f"{name}.json", self._pseudonyms.scrub(config))

    def log_figure(self, path: Path) -> None:
        """Copy a figure into the run; names of known cases are replaced in its file name, but not in the picture."""
        name = self._pseudonyms.scrub_words(path.name)
        self.record["figures"].append(path.name)
        if self._mlflow:
            self._mlflow.log_file(path, "figures", name)

    def use_model(self, name: str, version: str, sha256: str) -> None:
        """Name a bundle whose weights the command used; an ensemble names each."""
        self.record["models"].append({"name": name, "version": version, "sha256": sha256})
        if self._mlflow:
            models = self.record["models"]
            self._mlflow.set_tags(
                {
                    "model": ", ".join(model["name"] for model in models),
                    "model_version": ", ".join(model["version"] for model in models),
                    "model_sha256": ", ".join(model["sha256"] for model in models),
                }
            )

    def adopt(self, run_id: str) -> None:
        """Show a finished run below this one, as one of a command that was killed and goes on."""
        if self._mlflow and self.run_id:
            self._mlflow.set_tags({"mlflow.parentRunId": self.run_id}, run_id)

    def fail(self, reason: str) -> None:
        """Let the run end as FAILED although the command goes on, as when some of its inputs could not be read."""
        self.failure = reason

    def flush(self) -> None:
        """Send to MLflow what is buffered or has changed, as after an epoch; a killed process keeps this much."""
        digests = self._pseudonyms.digests
        dataset = _combined(digests) if digests else None
        is_new = dataset != self.record["dataset"]
        self.record["dataset"] = dataset
        if self._mlflow:
            self._mlflow.flush()
            if dataset and is_new:
                self._mlflow.set_tags({"dataset_sha256": dataset})
                self._mlflow.log_json("inputs.json", digests)

    def end(self, status: str, *, error: str | None, facts: Mapping[str, float]) -> None:
        """Close the run in MLflow; `open_run` does it.

        Args:
            status: FINISHED or FAILED.
            error: Type and place of the exception that ended the command.
            facts: Numbers known only now: wall time, peak memory.
        """
        self.flush()
        self.record |= {"status": status, "error": error, "failure": self.failure, **facts}
        if not self._mlflow:
            return
        reason = self._pseudonyms.scrub_sentence(self.failure) if self.failure else None
        tags = {"error": error, "failure": reason}
        self._mlflow.set_tags({name: text for name, text in tags.items() if text})
        if self.record["dataset"]:
            self._mlflow.log_dataset(self.record["dataset"], len(self._pseudonyms.digests))
        self._mlflow.log_metrics(facts)
        self._mlflow.end(status)

    def local_record(self) -> dict[str, Any]:
        """The record with what maps its pseudonyms back, for the machine the images are on."""
        names = {"cases": self._pseudonyms.cases, "inputs": self._pseudonyms.inputs}
        return self.record | names | {"problems": self.problems}


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"parameters and table rows must be mappings, got {type(value).__name__}")
    return value


def _combined(digests: Iterable[str]) -> str:
    """One SHA-256 for a set of contents, whatever their order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def _flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
