import logging
import sys
import warnings

import typer

from medseg.cli.bundle import bundle_app
from medseg.cli.console import say
from medseg.cli.demo import demo
from medseg.cli.evaluate import evaluate
from medseg.cli.info import info
from medseg.cli.runs import runs_app
from medseg.cli.segment import segment
from medseg.cli.train import train
from medseg.errors import UserError

app = typer.Typer(
    name="medseg",
    help="Segment medical and microscopy volumes with MONAI bundles; a measured, logged run behind every result.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, which hold what must not leave the machine
    rich_markup_mode=None,
)
app.command()(segment)
app.command()(evaluate)
app.command()(train)
app.command()(demo)
app.command()(info)
app.add_typer(bundle_app, name="bundle")
app.add_typer(runs_app, name="runs")


def main() -> None:
    """Run the command line: exit code 0, 1 if some inputs failed, 2 for wrong usage or unreadable input."""
    # MONAI tells of codecs that nobody asked for.
    logging.getLogger("monai").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True")
    try:
        app()
    except UserError as error:
        say(f"medseg: {error}")
        sys.exit(2)
