from typing import Annotated

import typer

from medseg.cli.console import print_json, print_table
from medseg.cli.options import JsonOption

runs_app = typer.Typer(
    help="List logged runs, and close those of killed processes.", no_args_is_help=True, rich_markup_mode=None
)


@runs_app.command("list")
def list_command(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 20,
    json_output: JsonOption = False,
) -> None:
    """List the latest runs."""
    from medseg.runs import list_runs

    runs = list_runs(limit)
    if json_output:
        print_json({"runs": [{**vars(run), "started": run.started.isoformat()} for run in runs]})
        return
    rows = [
        (run.started.strftime("%Y-%m-%d %H:%M"), run.command, run.status, run.seconds, run.model, run.error, run.run_id)
        for run in runs
    ]
    print_table("Runs", ["started (UTC)", "command", "status", "seconds", "model", "error", "run"], rows)


@runs_app.command()
def repair(json_output: JsonOption = False) -> None:
    """Close the runs that killed processes of this machine left RUNNING."""
    from medseg.runs import repair_runs

    found = repair_runs()
    if json_output:
        closed = [{**vars(run), "started": run.started.isoformat()} for run in found.closed]
        print_json({"closed": closed, "alive": found.alive, "elsewhere": found.elsewhere})
        return
    for run in found.closed:
        typer.echo(f"closed {run.command} {run.run_id}, started {run.started:%Y-%m-%d %H:%M} UTC")
    typer.echo(
        f"{len(found.closed)} closed; {found.alive} still running here, {found.elsewhere} on other machines left alone"
    )
