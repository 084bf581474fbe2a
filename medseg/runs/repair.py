from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from medseg.runs.process import host_pseudonym, is_running
from medseg.runs.pseudonyms import user_key
from medseg.runs.store import EXPERIMENT, connect, data_folder, sqlite_file, tracking_uri


@dataclass(frozen=True)
class RepairedRun:
    """A run whose process died without closing it.

    Attributes:
        run_id: Identifier in MLflow.
        command: The medseg command.
        started: Start, in UTC.
    """

    run_id: str
    command: str
    started: datetime


@dataclass(frozen=True)
class Repair:
    """What `repair_runs` found among the runs that say they are running.

    Attributes:
        closed: Runs of dead processes, now of status KILLED.
        alive: How many belong to processes of this machine that run.
        elsewhere: How many belong to other machines or other programs, which cannot be judged from here.
    """

    closed: list[RepairedRun]
    alive: int
    elsewhere: int


def repair_runs() -> Repair:
    """Close the runs that processes of this machine left RUNNING when they were killed.

    Such a run gets status KILLED and the tag ``repaired`` with the time. A process lives if one of its number and
    start time does.

    Raises:
        UserError: The store cannot be used.
    """
    uri = tracking_uri()
    database = sqlite_file(uri)
    closed: list[RepairedRun] = []
    alive = elsewhere = 0
    if database is not None and not database.exists():
        return Repair(closed, alive, elsewhere)
    client = connect(uri)
    host = host_pseudonym(user_key(data_folder()))
    for run in _open_runs(client):
        tags = run.data.tags
        if tags.get("host") != host or "pid" not in tags or "process_started" not in tags:
            elsewhere += 1
        elif is_running(int(tags["pid"]), float(tags["process_started"])):
            alive += 1
        else:
            client.set_tag(run.info.run_id, "repaired", datetime.now(UTC).isoformat(timespec="seconds"))
            client.set_terminated(run.info.run_id, "KILLED")
            started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
            closed.append(RepairedRun(run.info.run_id, tags.get("command", run.info.run_name), started))
    return Repair(closed, alive, elsewhere)


def _open_runs(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    runs = []
    token = None
    while True:  # all pages first: closing a run while paging would move the pages
        page = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'", page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
