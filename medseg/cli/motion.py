import json
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medseg.cli.console import print_json, print_table, say
from medseg.cli.numbers import defined
from medseg.cli.options import (
    FrameIntervalOption,
    JsonOption,
    NoLogOption,
    OverwriteOption,
    PixelSizeOption,
    ZStepOption,
)

if TYPE_CHECKING:
    from tracking.motion import Estimate, MotionReport


class Drift(StrEnum):
    """What becomes of the motion that all particles share."""

    AUTO = "auto"
    REMOVE = "remove"
    KEEP = "keep"


def motion(
    tracks: Annotated[Path, typer.Argument(metavar="TRACKS", help="Tracks, in any format medseg reads.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables and figure.")] = Path("motion"),
    pixel_size: PixelSizeOption = None,
    z_step: ZStepOption = None,
    frame_interval: FrameIntervalOption = None,
    exposure: Annotated[float | None, typer.Option("--exposure", help="Seconds a frame is exposed.")] = None,
    drift: Annotated[
        Drift, typer.Option("--drift", help="Take the common drift off; auto does if it is clear.")
    ] = Drift.AUTO,
    first_lag: Annotated[
        int | None, typer.Option("--first-lag", min=1, help="Shortest lag for D, in frames. Default: from the tracks.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resampling behind the intervals.")] = 0,
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Measure how particles move: diffusion, anomalous exponent, drift, directed or confined tracks.

    OUTPUT gets motion.json, msd.csv, motion_tracks.csv, motion.png and run.json. Sizes that the tracks' file holds, or
    that the run.json of `medseg track` beside it tells, need not be given. Intervals are 95 percent.
    """
    from medseg.cli.content_digest import content_digest
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.recorded_units import with_recorded_units
    from medseg.io.atomic import atomic_path
    from medseg.runs import open_run
    from tracking.io import read_tracks
    from tracking.motion import analyse_motion, save_motion_figure

    require_free(output, ("motion.json", "msd.csv", "motion_tracks.csv", "motion.png"), overwrite)
    options: dict[str, object] = {
        "pixel_size": pixel_size,
        "z_step": z_step,
        "frame_interval": frame_interval,
        "exposure": exposure,
        "drift": drift.value,
        "first_lag": first_lag,
    }
    with open_run("motion", options=options, output_dir=output, seed=seed, enabled=not no_log) as run:
        measured = with_recorded_units(read_tracks(tracks), tracks)
        run.add_input(tracks, content_digest(tracks))
        report = analyse_motion(
            measured,
            pixel_size,
            frame_interval,
            z_step=z_step,
            exposure=exposure,
            drift=drift.value,
            first_lag=first_lag,
            seed=seed,
        )
        make_folder(output)
        summary = report.to_dict()
        for warning in report.warnings:
            say(f"warning: {warning}")
        for name, table in (("msd.csv", report.msd), ("motion_tracks.csv", report.tracks)):
            with atomic_path(output / name) as partial:
                table.to_csv(partial, index=False)
        with atomic_path(output / "motion.json") as partial:
            partial.write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        save_motion_figure(output / "motion.png", report)
        run.log_figure(output / "motion.png")
        msd = report.msd.astype(object).where(report.msd.notna(), None)
        run.log_table("msd", [{str(name): value for name, value in row.items()} for row in msd.to_dict("records")])
        run.log_metrics(defined(summary))
    if json_output:
        print_json(summary)
        return
    print_table("Motion", ["what", "value"], _rows(report))
    say(f"Every track: {output / 'motion_tracks.csv'}; MSD: {output / 'msd.csv'}; figure: {output / 'motion.png'}")


def _rows(report: "MotionReport") -> list[tuple[str, object]]:
    fit = report.diffusion
    return [
        ("tracks, with steps", f"{len(report.tracks)}, {fit.n_tracks}"),
        ("steps", fit.n_steps),
        ("D (µm²/s)", _interval(fit.coefficient_um2_s)),
        ("anomalous exponent", _interval(fit.exponent)),
        ("localisation error (µm)", _interval(fit.localisation_um)),
        ("drift", "taken off" if report.drift_removed else "kept"),
        *((f"tracks: {kind}", count) for kind, count in report.counts.items()),
    ]


def _interval(estimate: "Estimate") -> str:
    if not math.isfinite(estimate.value):
        return "not determined"
    if not estimate.has_interval:
        return f"{estimate.value:.3g} (no interval)"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
