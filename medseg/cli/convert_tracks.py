from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, say
from medseg.cli.options import (
    FrameIntervalOption,
    JsonOption,
    NoLogOption,
    OverwriteOption,
    PixelSizeOption,
    ZStepOption,
)
from medseg.errors import UserError

_PHYSICAL = (".trackmate.xml", ".geff")  # formats in whose programs distances are micrometres


def convert_tracks(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Tracks, in any format medseg reads.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="By suffix: .csv .parquet .xml .trackmate.xml .npz (napari) .geff")
    ],
    pixel_size: PixelSizeOption = None,
    z_step: ZStepOption = None,
    frame_interval: FrameIntervalOption = None,
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Convert tracks from one format to another.

    Sizes that neither IN nor the run.json of `medseg track` beside it holds are given as options. What OUT cannot
    hold, such as merges in the challenge's format, is refused.
    """
    from dataclasses import replace

    from medseg.cli.content_digest import content_digest
    from medseg.cli.outputs import make_folder
    from medseg.cli.recorded_units import with_recorded_units
    from medseg.runs import open_run
    from tracking.io import read_tracks, write_tracks

    if target.exists() and not overwrite:
        raise UserError(f"`{target}` exists and is kept: pass --overwrite or another name")
    units = {"pixel_size": pixel_size, "z_step": z_step, "frame_interval": frame_interval}
    with open_run("convert-tracks", options=dict(units), output_dir=None, enabled=not no_log) as run:
        tracks = with_recorded_units(read_tracks(source), source)
        run.add_input(source, content_digest(source))
        tracks = replace(
            tracks,
            pixel_size=tracks.pixel_size if pixel_size is None else pixel_size,
            z_step=tracks.z_step if z_step is None else z_step,
            frame_interval=tracks.frame_interval if frame_interval is None else frame_interval,
        )
        if target.name.endswith(_PHYSICAL) and None in (tracks.pixel_size, tracks.frame_interval):
            say(f"warning: `{target}` gets pixels and frames as its units: give --pixel-size and --frame-interval")
        make_folder(target.absolute().parent)
        write_tracks(target, tracks)
        summary = {"particles": tracks.n_particles, "spots": len(tracks.spots), "branchings": len(tracks.parents)}
        run.log_metrics(summary)
    if json_output:
        print_json({**summary, "output": str(target)})
        return
    say(f"{summary['particles']} particles, {summary['spots']} spots: {target}")
