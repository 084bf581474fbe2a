import re
import sys
from typing import Annotated

import typer

from medseg import __version__
from medseg.cli.benchmark import benchmark_app
from medseg.cli.bundle import bundle_app
from medseg.cli.compare import compare
from medseg.cli.console import say
from medseg.cli.convert_tracks import convert_tracks
from medseg.cli.crossval import crossval
from medseg.cli.demo import demo
from medseg.cli.evaluate import evaluate
from medseg.cli.finetune import finetune
from medseg.cli.info import info
from medseg.cli.motion import motion
from medseg.cli.plan import plan
from medseg.cli.quiet_libraries import quiet_libraries
from medseg.cli.runs import runs_app
from medseg.cli.score_tracks import score_tracks
from medseg.cli.segment import segment
from medseg.cli.simulate import simulate
from medseg.cli.track import track
from medseg.cli.train import train
from medseg.errors import UserError
from tracking.errors import OptionError, TrackingError

app = typer.Typer(
    name="medseg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, which hold what must not leave the machine
    rich_markup_mode=None,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"medseg {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Segment volumes with MONAI bundles and track particles in movies; a measured, logged run behind every result."""


app.command()(segment)
app.command()(evaluate)
app.command()(compare)
app.command()(plan)
app.command()(train)
app.command()(crossval)
app.command()(finetune)
app.command()(track)
app.command()(simulate)
app.command()(score_tracks)
app.command()(convert_tracks)
app.command()(motion)
app.command()(demo)
app.command()(info)
app.add_typer(benchmark_app, name="benchmark")
app.add_typer(bundle_app, name="bundle")
app.add_typer(runs_app, name="runs")


def main() -> None:
    """Run the command line: exit code 0, 1 if some inputs failed, 2 for wrong usage or unreadable input."""
    quiet_libraries()
    try:
        app()
    except (UserError, TrackingError) as error:
        say(f"medseg: {_with_options(str(error)) if isinstance(error, OptionError) else error}")
        sys.exit(2)


def _with_options(sentence: str) -> str:
    """A sentence in which options are spelled as on the command line: --false-alarms for `false_alarms`."""
    options: set[str] = set()
    commands = [typer.main.get_command(app)]
    while commands:
        command = commands.pop()
        options |= {name for parameter in command.params for name in parameter.opts}
        commands += getattr(command, "commands", {}).values()

    def spelled(name: re.Match[str]) -> str:
        option = "--" + name[1].replace("_", "-")
        return option if option in options else name[0]

    return re.sub("`([a-z_]+)`", spelled, sentence)
