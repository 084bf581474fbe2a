from dataclasses import dataclass
from datetime import UTC, datetime

from medseg.runs.store import EXPERIMENT, connect, sqlite_file, tracking_uri


@dataclass(frozen=True)
class RunSummary:
    """One line of the list of runs.

    Attributes:
        run_id: Identifier in MLflow.
        command: The medseg command, or what else made the run.
        status: RUNNING, FINISHED, FAILED or KILLED.
        started: Start, in UTC.
        seconds: How long it took; None while it runs.
        model: Names of the models used, as ``Run.use_model`` got them.
        error: Type and place of the exception, or why it failed.
    """

    run_id: str
    command: str
    status: str
    started: datetime
    seconds: float | None
    model: str | None
    error: str | None


def list_runs(limit: int = 20) -> list[RunSummary]:
    """The latest runs, newest first; none if nothing was ever logged.

    Raises:
        ValueError: `limit` is not positive.
        UserError: The store cannot be used.
    """
    if limit < 1:
        raise ValueError(f"`limit` must be positive, got {limit}")
    uri = tracking_uri()
    database = sqlite_file(uri)
    if database is not None and not database.exists():
        return []
    client = connect(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], max_results=limit, order_by=["attributes.start_time DESC"])
    return [
        RunSummary(
            run_id=run.info.run_id,
            command=run.data.tags.get("command", run.info.run_name),
            status=run.info.status,
            started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            seconds=(run.info.end_time - run.info.start_time) / 1000 if run.info.end_time else None,
            model=run.data.tags.get("model"),
            error=run.data.tags.get("error") or run.data.tags.get("failure"),
        )
        for run in runs
    ]
