from typing import Annotated

import typer

from medseg.cli.console import print_json, print_table, progress, say
from medseg.cli.options import JsonOption, NoLogOption, OutputOption, OverwriteOption
from medseg.errors import UserError

_PIXEL_UM = 0.1  # of volumes, so that their slices have a distance


def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="vesicle, receptor, microtubule or virus (3D).")],
    output: OutputOption,
    density: Annotated[str, typer.Option("--density", help="low, mid, high, or particles per frame.")] = "mid",
    snr: Annotated[float, typer.Option("--snr", help="Signal-to-noise ratio at a spot's peak.")] = 4.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed: same movie, byte for byte.")] = 0,
    frames: Annotated[int | None, typer.Option("--frames", help="Number of frames. Default 100.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Width and height in pixels. Default 512.")] = None,
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Simulate a movie of which the truth is known.

    OUTPUT gets movie.tif, truth.xml (Particle Tracking Challenge's format), the figure truth.png and run.json.
    """
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.track_overlay import save_overlay
    from medseg.io.atomic import atomic_path
    from medseg.runs import open_run
    from tracking.io import open_movie, write_movie
    from tracking.io.challenge_xml import write_challenge_xml
    from tracking.simulation import simulate as make

    movie = make(scenario, density=density, snr=snr, seed=seed, overrides=_overrides(scenario, frames, size))
    require_free(output, ("movie.tif", "truth.xml", "truth.png"), overwrite)
    options = {"scenario": scenario, "density": density, "simulation": movie.options.model_dump(mode="json")}
    with open_run("simulate", options=options, output_dir=output, seed=seed, enabled=not no_log) as run:
        make_folder(output)
        write_movie(
            output / "movie.tif",
            progress(movie, "drawing", movie.n_frames),
            frame_shape=movie.frame_shape,
            dtype=movie.dtype,
            # How far slices are apart, in pixels, has no other place in a TIFF.
            pixel_size=_PIXEL_UM if len(movie.frame_shape) == 3 else None,
            z_step=_PIXEL_UM * movie.options.z_spacing if len(movie.frame_shape) == 3 else None,
        )
        with atomic_path(output / "truth.xml") as partial:
            write_challenge_xml(partial, movie.truth, snr=f"{snr:g}", density=density, scenario=scenario.upper())
        with open_movie(output / "movie.tif") as opened, atomic_path(output / "truth.png") as partial:
            save_overlay(partial, movie.truth, opened, movie.options.psf_sigma, seen="true position")
        run.log_figure(output / "truth.png")
        spots = movie.truth.spots
        summary = {
            "frames": movie.n_frames,
            "particles": movie.truth.n_particles,
            "particles_per_frame": len(spots) / movie.n_frames,
            "mean_track_length": len(spots) / max(movie.truth.n_particles, 1),
        }
        if not len(spots):
            say("warning: there is no particle in the movie: raise --size, --frames or --density")
        run.log_metrics(summary)
        for name in ("movie.tif", "truth.xml"):
            run.add_input(output / name)
    if json_output:
        print_json({**summary, "movie": str(output / "movie.tif"), "truth": str(output / "truth.xml")})
        return
    print_table(f"Simulated: {scenario}", ["what", "value"], summary.items())
    say(f"Movie: {output / 'movie.tif'}; truth: {output / 'truth.xml'}; figure: {output / 'truth.png'}")


def _overrides(scenario: str, frames: int | None, size: int | None) -> dict[str, object]:
    from tracking.simulation import scenario_options

    for name, value in (("--frames", frames), ("--size", size)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    overrides: dict[str, object] = {}
    if frames is not None:
        overrides["n_frames"] = frames
    if size is not None:
        overrides["frame_shape"] = (*scenario_options(scenario).frame_shape[:-2], size, size)
    return overrides
