import json
import os
import re
import secrets
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import medseg
from medseg.errors import UserError
from medseg.io.atomic import atomic_path
from medseg.runs.environment import git_commit, package_versions, peak_memory_bytes, raised_at
from medseg.runs.mlflow_run import MlflowRun
from medseg.runs.process import process_tags
from medseg.runs.pseudonyms import KEY_BYTES, Pseudonyms, user_key
from medseg.runs.run import Run
from medseg.runs.store import MEND, data_folder, tracking_uri, without_credentials
from medseg.runs.termination import Termination

RECORD = "run.json"


@contextmanager
def open_run(
    command: str,
    *,
    options: Mapping[str, object],
    output_dir: Path | None,
    seed: int | None = None,
    enabled: bool = True,
    parent: Run | None = None,
) -> Iterator[Run]:
    """Log what a command does: one MLflow run, and the same record as ``run.json`` beside its outputs.

    The run ends FINISHED, or FAILED after any exception, `Run.fail`, Ctrl-C, an exit code that is not 0, SIGTERM or
    SIGHUP; while the run is open these two raise ``SystemExit(143)`` and ``SystemExit(129)`` in the main thread. Of an
    exception MLflow gets the type and the place in our code, but nothing of an exit after `Run.fail`, which gave the
    reason; its message may hold a path, and goes into ``run.json`` alone. Should the store fail after the run was
    opened, the command goes on, `Run.problems` says what is missing, and a `RuntimeWarning` ends it.

    A ``run.json`` that an earlier command left in the folder holds the only way back from that run's pseudonyms; it is
    kept as ``run-<start of that run>.json``.

    Args:
        command: The command's name, as ``predict``.
        options: All options of the command. Paths have to be `Path` objects: text naming a file that is not there and
            has neither a folder nor a usual suffix cannot be told from other text.
        output_dir: Folder of ``run.json``; None writes none. It is made if the command worked and did not make it.
        seed: Seed of the command's random numbers.
        enabled: False keeps MLflow out, store and library; the record is still made.
        parent: An open run that this one is a part of; MLflow shows it below.

    Raises:
        UserError: The store cannot be used.
    """
    termination = Termination()
    with termination.installed():
        run = _start(command, seed=seed, enabled=enabled, parent=parent)
        started = time.perf_counter()
        try:
            termination.release()
            run.log_params({**options, "seed": seed})
            yield run
        except BaseException as error:
            termination.hold()
            _close(run, error, output_dir, time.perf_counter() - started)
            raise
        else:
            termination.hold()
            _close(run, None, output_dir, time.perf_counter() - started)
        termination.release()


def _start(command: str, *, seed: int | None, enabled: bool, parent: Run | None) -> Run:
    packages = package_versions()
    commit = git_commit()
    record: dict[str, object] = {
        "command": command,
        "status": "RUNNING",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": os.getpid(),
        "seed": seed,
        "git_commit": commit,
        "packages": packages,
    }
    key = _key(enabled)
    if not enabled:
        return Run(record, pseudonyms=Pseudonyms(key), mlflow=None, tracking_uri=None)
    tags = {"command": command, "medseg_version": medseg.__version__, **process_tags(key)}
    tags |= {f"version_{name}": version for name, version in packages.items()}
    if commit is not None:
        tags |= {"git_commit": commit, "mlflow.source.git.commit": commit.removesuffix("-dirty")}
    if parent is not None and parent.run_id is not None:
        tags["mlflow.parentRunId"] = parent.run_id
    uri = tracking_uri()
    mlflow = MlflowRun.create(uri, command, tags)
    return Run(record, pseudonyms=Pseudonyms(key), mlflow=mlflow, tracking_uri=without_credentials(uri))


def _key(enabled: bool) -> bytes:
    try:
        return user_key(data_folder())
    except OSError as error:
        if not enabled:
            return secrets.token_bytes(KEY_BYTES)  # pseudonyms of this run alone, which run.json still maps back
        raise UserError(f"The folder {data_folder()} cannot be used ({error.strerror}): {MEND}.") from None


def _close(run: Run, error: BaseException | None, output_dir: Path | None, wall_seconds: float) -> None:
    if os.getpid() != run.record["pid"]:
        return  # a forked worker that unwinds to here leaves the run to its parent
    is_failed = run.failure is not None or (error is not None and not _is_clean_exit(error))
    facts = {"wall_seconds": wall_seconds, "peak_memory_bytes": peak_memory_bytes()}
    problems = []
    try:
        is_explained = run.failure is not None and _is_exit(error)
        summary = _summary(error) if is_failed and not is_explained else None
        run.end("FAILED" if is_failed else "FINISHED", error=summary, facts=facts)
    finally:
        run.record["message"] = str(error) if error is not None and is_failed else None
        if output_dir is not None and (output_dir.is_dir() or not is_failed):
            try:
                _write_record(run, output_dir)
            except (OSError, UserError) as problem:
                problems = [f"{RECORD} could not be written ({problem})"]
    problems = run.problems + problems
    if problems:
        warnings.warn(f"the record of this run is incomplete: {'; '.join(problems)}", RuntimeWarning, stacklevel=2)


def _write_record(run: Run, output_dir: Path) -> None:
    output_dir.mkdir(parents=True, exist_ok=True)
    with atomic_path(output_dir / RECORD) as temporary:
        temporary.write_text(json.dumps(run.local_record(), indent=2, default=str) + "\n")
        _keep_former(output_dir / RECORD)


def _keep_former(record: Path) -> None:
    if not record.is_file():
        return  # none, or a folder, which the new record will fail on
    try:
        started = str(json.loads(record.read_bytes())["started"])
    except (ValueError, LookupError, TypeError):
        started = datetime.fromtimestamp(record.stat().st_mtime, UTC).isoformat(timespec="seconds")
    name = f"{record.stem}-{re.sub('[^0-9A-Za-z]+', '-', started)[:40].strip('-')}"
    kept = record.with_name(f"{name}{record.suffix}")
    number = 1
    while kept.exists():
        number += 1
        kept = record.with_name(f"{name}-{number}{record.suffix}")
    record.rename(kept)


def _is_exit(error: BaseException | None) -> bool:
    import typer

    return isinstance(error, SystemExit | typer.Exit)


def _is_clean_exit(error: BaseException) -> bool:
    # `typer.Exit`, which is no SystemExit, has its code under another name
    code = getattr(error, "code", None) if isinstance(error, SystemExit) else getattr(error, "exit_code", 1)
    return code in (None, 0)


def _summary(error: BaseException | None) -> str | None:
    if error is None:
        return None
    place = raised_at(error.__traceback__)
    return f"{type(error).__name__} at {place}" if place else type(error).__name__
