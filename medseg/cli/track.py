from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medseg.cli.console import frame_progress, print_json, print_table, say
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
from medseg.cli.track_measures import TRACK_MEASURES

if TYPE_CHECKING:
    from medseg.runs import Run
    from tracking.io import Movie
    from tracking.track_movie import TrackedMovie

_TABLE_ROWS = 10_000  # of the tracks' table in the run; all are in tracks.csv


class Linker(StrEnum):
    """How spots are linked."""

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
    linker: Annotated[Linker, typer.Option("--linker", help="How spots are linked.")] = Linker.LAP,
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
        typer.Option("--search-radius", help="Farthest move between two frames, in pixels. Default: from the movie."),
    ] = None,
    max_gap: Annotated[
        int | None, typer.Option("--max-gap", help="Frames a particle may be undetected within a track. Default 1.")
    ] = None,
    merging: Annotated[bool, typer.Option("--merging", help="Let particles merge (lap).")] = False,
    splitting: Annotated[bool, typer.Option("--splitting", help="Let particles split (lap).")] = False,
    min_length: Annotated[int, typer.Option("--min-length", min=1, help="Shorter chains of spots are no tracks.")] = 2,
    fill: Annotated[
        bool, typer.Option("--fill/--no-fill", help="Interpolate frames missed inside a track, marked as virtual.")
    ] = True,
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
    threshold and search radius come from the movie. If killed, the same command goes on where it was.
    """
    from medseg.cli.content_digest import content_digest
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.read_truth import read_truth
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
    linking = checked(
        LinkingOptions,
        _given(
            method=linker.value,
            search_radius=search_radius,
            max_gap=max_gap,
            merging=merging,
            splitting=splitting,
        ),
    )
    require_free(output, ("tracks.csv", "tracks.xml", "overlay.png", "summary.png"), overwrite)
    reference = read_truth(truth) if truth else None
    options: dict[str, object] = {
        "detection": detection.model_dump(),
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
        # A folder of frames may hold other files; the chunks of a Zarr are all it holds.
        run.add_input(movie, content_digest(movie, None if is_zarr(movie) else opened.files))
        if truth:
            run.add_input(truth, content_digest(truth))
        with frame_progress("detecting") as show:
            result = track_movie(
                opened,
                output,
                detection=detection,
                linking=linking,
                min_length=min_length,
                fill=fill,
                skip_bad_frames=skip_bad_frames,
                progress=show,
            )
        for warning in result.warnings:
            say(f"warning: {warning}")
        summary = _summary(result, opened)
        if reference is not None:
            if not frames_overlap(reference, result.tracks):
                say(f"warning: `{truth}` and the tracks have no frame in common: is it of another movie?")
            summary["measures"] = score_tracks(reference, result.tracks).to_dict()
        _draw(result, opened, output)
        _log(run, result, opened, summary, output)
    if json_output:
        print_json({**summary, "warnings": list(result.warnings), "output": str(output)})
        return
    print_table("Tracked", ["what", "value"], _shown(summary, result))
    say(f"Tracks: {output / 'tracks.csv'}, {output / 'tracks.xml'}; figures: {output / 'overlay.png'}, summary.png")


def _draw(result: "TrackedMovie", movie: "Movie", output: Path) -> None:
    from medseg.cli.track_figures import save_overlay, save_summary
    from medseg.io.atomic import atomic_path

    with atomic_path(output / "overlay.png") as partial:
        save_overlay(partial, result.tracks, movie, float(str(result.detector["sigma"])))
    with atomic_path(output / "summary.png") as partial:
        save_summary(partial, result.tracks, movie.n_frames)


def _log(run: "Run", result: "TrackedMovie", movie: "Movie", summary: dict[str, Any], output: Path) -> None:
    run.device = str(result.detector["device"])
    run.log_figure(output / "overlay.png")
    run.log_figure(output / "summary.png")
    run.log_params({"detector": result.detector, "search_radius": result.search_radius, "movie": _units(movie)})
    run.log_params({"linking": result.linking.model_dump()})
    run.log_table("warnings", [{"warning": warning} for warning in result.warnings])
    run.log_metrics(defined(summary))
    run.log_table("tracks", _track_rows(result))


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


def _summary(result: "TrackedMovie", movie: "Movie") -> dict[str, Any]:
    spots = result.tracks.spots
    lengths = spots.groupby("particle")["frame"].agg(lambda frames: frames.max() - frames.min() + 1)
    return {
        "frames": movie.n_frames,
        "frame_shape": " x ".join(map(str, movie.frame_shape)),
        "frames_skipped": len(result.skipped),
        "frames_reused": result.reused,
        "spots": result.n_detections,
        "spots_unlinked": result.n_unlinked,
        "spots_virtual": int(spots["virtual"].sum()),
        "tracks": result.tracks.n_particles,
        "branchings": len(result.tracks.parents),
        "median_track_length": float(lengths.median()) if len(lengths) else 0.0,
        "search_radius": result.search_radius,
    }


def _shown(summary: dict[str, Any], result: "TrackedMovie") -> list[tuple[str, object]]:
    is_measured = result.detector["sigma_is_measured"]
    rows: list[tuple[str, object]] = [
        ("frames", summary["frames"]),
        ("frame (px)", summary["frame_shape"]),
        ("spots found", summary["spots"]),
        ("spots in no track", summary["spots_unlinked"]),
        ("spots filled in", summary["spots_virtual"]),
        ("tracks", summary["tracks"]),
        ("median length (frames)", summary["median_track_length"]),
        ("search radius (px)", summary["search_radius"]),
        ("spot sigma (px)", f"{result.detector['sigma']:.3f}{'' if is_measured else ', not measured'}"),
        ("false alarms a frame", result.detector["false_alarms"]),
    ]
    if summary["frames_reused"]:
        rows.insert(1, ("frames detected earlier", summary["frames_reused"]))
    if "measures" in summary:
        rows += [(title, summary["measures"][name]) for name, title in TRACK_MEASURES.items()]
    return rows


def _track_rows(result: "TrackedMovie") -> list[dict[str, object]]:
    """One row a track, the longest first."""
    spots = result.tracks.spots
    table = spots.groupby("particle").agg(
        first_frame=("frame", "min"), last_frame=("frame", "max"), spots=("frame", "size"), virtual=("virtual", "sum")
    )
    table = table.sort_values("spots", ascending=False, kind="stable").head(_TABLE_ROWS).reset_index()
    return [{str(name): int(value) for name, value in row.items()} for row in table.to_dict("records")]
