from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medseg.cli.console import print_json, print_table, say, step_progress
from medseg.cli.numbers import defined
from medseg.cli.options import (
    AxesOption,
    ChannelOption,
    DeviceOption,
    FrameIntervalOption,
    JsonOption,
    NoLogOption,
    OutputOption,
    OverwriteOption,
    PixelSizeOption,
    ZStepOption,
)
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.runs import Run
    from tracking.io import Movie
    from tracking.track_movie import TrackedMovie


class Linker(StrEnum):
    """How spots are linked."""

    RECURRENT = "recurrent"
    LAP = "lap"
    TRACKPY = "trackpy"
    TRACKPY_ADAPTIVE = "trackpy-adaptive"
    TRACKPY_VELOCITY = "trackpy-velocity"
    NEAREST = "nearest"


class SpotDetector(StrEnum):
    """How spots are found."""

    LOG = "log"
    DOG = "dog"
    TRACKPY = "trackpy"


def track(
    movie: Annotated[
        Path, typer.Argument(metavar="MOVIE", help="TIFF, OME-TIFF, OME-Zarr, or a folder of frames; 2D or 3D.")
    ],
    output: OutputOption,
    linker: Annotated[Linker, typer.Option("--linker", help="How spots are linked.")] = Linker.RECURRENT,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            "-b",
            metavar="NAME|PATH",
            help="Weights for recurrent: a shipped bundle, or the path of a bundle or of a .pt file. "
            "Default: particle_tracker.",
        ),
    ] = None,
    detector: Annotated[SpotDetector, typer.Option("--detector", help="How spots are found.")] = SpotDetector.LOG,
    sigma: Annotated[
        float | None, typer.Option("--sigma", help="Standard deviation of a spot in pixels. Default: from the movie.")
    ] = None,
    sigma_z: Annotated[float | None, typer.Option("--sigma-z", help="The same across slices, in slices.")] = None,
    false_alarms: Annotated[
        float | None,
        typer.Option(
            "--false-alarms", help="False spots on a frame of noise: sets the threshold. Default: from the movie."
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Spots are darker than the ground.")] = False,
    search_radius: Annotated[
        float | None,
        typer.Option(
            "--search-radius",
            help="Farthest move between two frames, in pixels; recurrent only begins with it. Default: from the movie.",
        ),
    ] = None,
    max_gap: Annotated[
        int | None,
        typer.Option(
            "--max-gap",
            help="Frames a particle may be undetected within a track. Default: 1; recurrent finds out, from 2 to 7.",
        ),
    ] = None,
    hypotheses: Annotated[
        int | None,
        typer.Option(
            "--hypotheses",
            help="Futures kept in mind of every spot (recurrent): 0 to 8, 0 sees one frame ahead. Default 1.",
        ),
    ] = None,
    merging: Annotated[bool, typer.Option("--merging", help="Let particles merge (recurrent, lap).")] = False,
    splitting: Annotated[bool, typer.Option("--splitting", help="Let particles split (recurrent, lap).")] = False,
    min_length: Annotated[int, typer.Option("--min-length", min=1, help="Shorter chains of spots are no tracks.")] = 2,
    fill: Annotated[
        bool, typer.Option("--fill/--no-fill", help="Fill in frames missed inside a track, marked as virtual.")
    ] = True,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="First fine-tune the tracker on simulated movies like this one, and say what to expect (recurrent).",
        ),
    ] = False,
    calibration_minutes: Annotated[
        float | None,
        typer.Option(
            "--calibration-minutes",
            help="Minutes of fine-tuning, at 60 steps each; simulating and measuring take some minutes besides. "
            "Default 3; 0 for no fine-tuning.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the calibration; the same one gives the same result. Default 0.")
    ] = None,
    skip_bad_frames: Annotated[bool, typer.Option("--skip-bad-frames", help="Pass over unreadable frames.")] = False,
    device: DeviceOption = "auto",
    channel: ChannelOption = None,
    axes: AxesOption = None,
    pixel_size: PixelSizeOption = None,
    z_step: ZStepOption = None,
    frame_interval: FrameIntervalOption = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="True tracks: the measures are logged.")] = None,
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Track the particles of a movie.

    OUTPUT gets tracks.csv (trackpy's columns), tracks.xml (Particle Tracking Challenge), figures and run.json. Scale,
    threshold and how far particles move come from the movie. If killed, the same command goes on where it was.
    """
    from medseg.cli.calibrate_tracker import CALIBRATION_FILES, calibrate_tracker, calibration_options
    from medseg.cli.content_digest import content_digest
    from medseg.cli.load_tracker import SHIPPED_TRACKER, find_tracker, load_tracker, log_tracker
    from medseg.cli.model_name import bundle_option
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.read_truth import read_truth
    from medseg.cli.single_threaded import single_threaded
    from medseg.cli.track_summary import shown_summary, track_summary
    from medseg.runs import open_run
    from tracking.detection import DetectionOptions
    from tracking.io import open_movie
    from tracking.io.zarr_movie import is_zarr
    from tracking.linking import LinkingOptions
    from tracking.metrics import frames_overlap, score_tracks
    from tracking.track_movie import track_movie
    from tracking.validation import checked

    detection = checked(
        DetectionOptions,
        _given(
            method=detector.value, sigma=sigma, sigma_z=sigma_z, false_alarms=false_alarms, dark=dark, device=device
        ),
    )
    for option, given in (("--bundle", bundle), ("--hypotheses", hypotheses)):
        if given is not None and linker != Linker.RECURRENT:
            raise UserError(f"{option} is for --linker recurrent alone, got --linker {linker.value}")
    linking = checked(
        LinkingOptions,
        _given(
            method=linker.value,
            search_radius=search_radius,
            max_gap=max_gap,
            hypotheses=hypotheses,
            merging=merging,
            splitting=splitting,
        ),
    )
    calibration = calibration_options(calibrate, calibration_minutes, seed, linker.value)
    files = ("tracks.csv", "tracks.xml", "overlay.png", "summary.png")
    require_free(output, (*files, *(CALIBRATION_FILES if calibration else ())), overwrite)
    weights = find_tracker(bundle or SHIPPED_TRACKER) if linker == Linker.RECURRENT else None
    reference = read_truth(truth) if truth else None
    options: dict[str, object] = {
        "detection": detection.model_dump(),
        "bundle": bundle_option(weights) if weights else None,
        "calibration": calibration.model_dump() if calibration else None,
        "min_length": min_length,
        "fill": fill,
        "channel": channel,
        "axes": axes,
        "skip_bad_frames": skip_bad_frames,
    }
    with (
        open_movie(
            movie,
            channel=int(channel) if channel and channel.isdecimal() else channel,
            axes=axes,
            pixel_size=pixel_size,
            z_step=z_step,
            frame_interval=frame_interval,
        ) as opened,
        open_run("track", options=options, output_dir=output, enabled=not no_log) as run,
    ):
        make_folder(output)
        tracker = load_tracker(weights) if weights else None
        if tracker:
            log_tracker(run, tracker)
        # A folder of frames may hold other files; the chunks of a Zarr are all it holds.
        run.add_input(movie, content_digest(movie, None if is_zarr(movie) else opened.files))
        if truth:
            run.add_input(truth, content_digest(truth))
        notes: dict[str, Any] = {}
        if calibration and tracker:
            tracker, notes = calibrate_tracker(
                run,
                tracker,
                opened,
                output,
                calibration,
                detection=detection,
                linking=linking,
                min_length=min_length,
                skip_bad_frames=skip_bad_frames,
            )
        with step_progress() as show, single_threaded() if tracker else nullcontext():
            result = track_movie(
                opened,
                output,
                detection=detection,
                linking=linking,
                network=tracker.network if tracker else None,
                min_length=min_length,
                fill=fill,
                skip_bad_frames=skip_bad_frames,
                calibrated=bool(calibration),
                progress=show,
            )
        warnings = [*notes.pop("warnings", []), *result.warnings]
        for warning in warnings:
            say(f"warning: {warning}")
        run.record["warnings"] = warnings
        summary = track_summary(result, opened)
        if reference is not None:
            if not frames_overlap(reference, result.tracks):
                say(f"warning: `{truth}` and the tracks have no frame in common: is it of another movie?")
            summary["measures"] = score_tracks(reference, result.tracks).to_dict()
        _draw(result, opened, output)
        _log(run, result, opened, summary, warnings, output)
    if json_output:
        print_json({**summary, **notes, "warnings": warnings, "output": str(output)})
        return
    print_table("Tracked", ["what", "value"], shown_summary(summary, result))
    say(f"Tracks: {output / 'tracks.csv'}, {output / 'tracks.xml'}; figures: {output / 'overlay.png'}, summary.png")


def _draw(result: "TrackedMovie", movie: "Movie", output: Path) -> None:
    from medseg.cli.track_figures import save_summary
    from medseg.cli.track_overlay import save_overlay
    from medseg.io.atomic import atomic_path

    with atomic_path(output / "overlay.png") as partial:
        sigma = float(str(result.detector["sigma"]))
        save_overlay(partial, result.tracks, movie, sigma, unlinked=result.unlinked)
    with atomic_path(output / "summary.png") as partial:
        save_summary(partial, result.tracks, movie.n_frames)


def _log(
    run: "Run",
    result: "TrackedMovie",
    movie: "Movie",
    summary: dict[str, Any],
    warnings: list[str],
    output: Path,
) -> None:
    from medseg.cli.track_summary import track_rows

    run.device = str(result.detector["device"])
    run.log_figure(output / "overlay.png")
    run.log_figure(output / "summary.png")
    run.log_params({"detector": result.detector, "search_radius": result.search_radius, "movie": _units(movie)})
    run.log_params({"linking": result.linking.model_dump()})
    run.log_table("warnings", [{"warning": warning} for warning in warnings])
    run.log_metrics(defined(summary))
    run.log_table("tracks", track_rows(result))


def _given(**options: object) -> dict[str, object]:
    """Without the options that were not given, which keep their defaults."""
    return {name: value for name, value in options.items() if value is not None}


def _units(movie: "Movie") -> dict[str, object]:
    """What `medseg motion` and `medseg convert-tracks` need to know of the movie."""
    return {
        "n_frames": movie.n_frames,
        "frame_shape": list(movie.frame_shape),
        "pixel_size": movie.pixel_size,
        "z_step": movie.z_step,
        "frame_interval": movie.frame_interval,
    }
