from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medseg.cli.console import print_json, print_table, say
from medseg.cli.numbers import defined
from medseg.cli.options import DeviceOption, JsonOption, NoLogOption, OutputOption, OverwriteOption
from medseg.cli.track import Linker
from medseg.cli.track_measures import TRACK_MEASURES
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.cli.benchmark_results import Row
    from medseg.runs import Run
    from tracking.io.challenge_labels import ChallengeLabels

NOTE = (
    "Measured by medseg on a user's copy of the Particle Tracking Challenge: no official results. The challenge's "
    "data, and what is derived from them, may not be redistributed."
)

benchmark_app = typer.Typer(
    help="Measure trackers on a public benchmark of which you have a copy.", no_args_is_help=True, rich_markup_mode=None
)


@benchmark_app.command()
def ptc(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Your copy of the Particle Tracking Challenge: movies and their XML.")
    ],
    output: OutputOption,
    linkers: Annotated[
        str, typer.Option("--linkers", "--linker", metavar="NAME,...", help=f"Any of {', '.join(Linker)}.")
    ] = Linker.RECURRENT.value,
    bundle: Annotated[
        str | None,
        typer.Option("--bundle", "-b", metavar="NAME|PATH", help="Weights for recurrent, as of `medseg track`."),
    ] = None,
    scenarios: Annotated[
        str | None, typer.Option("--scenarios", metavar="NAME,...", help="Of vesicle, receptor, microtubule, virus.")
    ] = None,
    densities: Annotated[str | None, typer.Option("--densities", metavar="NAME,...", help="Of low, mid, high.")] = None,
    snr: Annotated[str | None, typer.Option("--snr", metavar="N,...", help="Such as 2,4,7.")] = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Score linkers on your own copy of the Particle Tracking Challenge (ISBI 2012).

    DIR is searched for the challenge's folders of frames and the true tracks. OUTPUT gets results.csv, results.json,
    alpha.png, run.json, and the tracks in the challenge's own format. If killed, the same command goes on where it was.
    """
    from medseg.cli.benchmark_figure import save_benchmark_figure
    from medseg.cli.benchmark_results import benchmark_results
    from medseg.cli.benchmark_score import GATE, contestant, score_movie
    from medseg.cli.load_tracker import SHIPPED_TRACKER, find_tracker, load_tracker, log_tracker
    from medseg.cli.model_name import bundle_option
    from medseg.io.atomic import atomic_path
    from medseg.runs import open_run
    from tracking.detection import DetectionOptions
    from tracking.errors import TrackingError
    from tracking.io.challenge_folder import find_challenge_movies
    from tracking.io.challenge_labels import CHALLENGE_DENSITIES, CHALLENGE_SCENARIOS
    from tracking.validation import checked

    names = _listed("--linkers", linkers, [one.value for one in Linker])
    wanted = {
        "scenario": _listed("--scenarios", scenarios, CHALLENGE_SCENARIOS),
        "density": _listed("--densities", densities, CHALLENGE_DENSITIES),
        "snr": _listed("--snr", snr, [str(level) for level in range(1, 100)], "whole numbers from 1 to 99"),
    }
    if bundle is not None and Linker.RECURRENT not in names:
        raise UserError(f"--bundle is for the linker recurrent alone, got --linkers {linkers}")
    detection = checked(DetectionOptions, {"device": device})
    if output.resolve() == data.resolve():
        raise UserError("the folder of the challenge's movies cannot be the output too: choose another --output")
    found = find_challenge_movies(data, skip=output)

    def is_wanted(labels: "ChallengeLabels") -> bool:
        return all(not chosen or str(getattr(labels, name)) in chosen for name, chosen in wanted.items())

    movies = [movie for movie in found.movies if is_wanted(movie.labels)]
    n_left_out = sum(map(is_wanted, found.left_out))
    for warning in found.warnings:
        say(f"warning: {warning}")
    if not movies:
        raise UserError(_nothing_found(data, len(found.movies)))
    weights = find_tracker(bundle or SHIPPED_TRACKER) if Linker.RECURRENT in names else None
    tracker = load_tracker(weights) if weights else None
    contestants = {name: contestant(name, detection, tracker) for name in names}
    settings = {name: one.settings for name, one in contestants.items()}
    options = {
        "linkers": names,
        "bundle": bundle_option(weights) if weights else None,
        **wanted,
        "detection": detection.model_dump(),
        "gate": GATE,
    }
    with (
        benchmark_results(output, NOTE, settings, overwrite) as results,
        open_run("benchmark ptc", options=options, output_dir=output, enabled=not no_log) as run,
    ):
        say(NOTE)
        if tracker:
            log_tracker(run, tracker)
        rows: list[Row] = []
        failed = 0
        for number, movie in enumerate(movies, start=1):
            say(f"{number} of {len(movies)}: {movie.labels}")
            try:
                for row in score_movie(movie, contestants, detection, output, results):
                    rows.append(row)
                    run.add_input(movie.frames, row["movie_sha256"])
                    run.add_input(movie.truth, row["inputs"]["truth_sha256"])
            except (UserError, TrackingError) as error:
                failed += 1
                say(f"warning: left out: {error}")
        if not rows:
            raise UserError(f"none of the {len(movies)} movies in `{data}` could be scored: see the warnings")
        with atomic_path(output / "alpha.png") as partial:
            save_benchmark_figure(partial, results.rows, NOTE)
        _log(run, rows, n_left_out + failed, output)
        if failed:
            run.fail(f"{failed} of {len(movies)} movies could not be scored")
    if json_output:
        print_json({"note": NOTE, "results": rows, "warnings": list(found.warnings), "output": str(output)})
    else:
        _print(rows)
        say(f"Every measure: {output / 'results.csv'}; figure: {output / 'alpha.png'}; tracks: {output / 'tracks'}")
    if failed:
        raise typer.Exit(1)


def _listed(option: str, text: str | None, known: Sequence[str], kind: str = "names") -> list[str]:
    """The names, or what ``kind`` says, in a list with commas; none where the option was not given."""
    from tracking.validation import did_you_mean

    names = [name for part in (text or "").split(",") if (name := part.strip().lower())]
    for name in names:
        if name not in known:
            wrong = f"but there is no `{name}`{did_you_mean(name, list(known))}" if kind == "names" else f"got `{name}`"
            raise UserError(f"{option} must be {kind} with commas between them, {wrong}")
    if text is not None and not names:
        raise UserError(f"{option} must be {kind} with commas between them, got `{text}`")
    return list(dict.fromkeys(names))


def _nothing_found(data: Path, n_movies: int) -> str:
    if n_movies:
        return f"none of the {n_movies} movies in `{data}` is of these --scenarios, --densities and --snr"
    return (
        f"`{data}` holds no movie of the Particle Tracking Challenge with its truth: folders of frames named as "
        "`VESICLE snr 7 density mid t000 z0.tif`, and `VESICLE snr 7 density mid.xml`, were looked for"
    )


def _log(run: "Run", rows: "list[Row]", n_left_out: int, output: Path) -> None:
    linkers = list(dict.fromkeys(row["linker"] for row in rows))
    for linker in linkers:
        own = [row for row in rows if row["linker"] == linker]
        run.log_metrics({f"{linker}_alpha_mean": sum(row["alpha"] for row in own) / len(own)})
        for row in own:
            name = f"{linker}_{row['scenario']}_{row['density']}_snr{row['snr']}"
            run.log_metrics({name: defined({measure: row[measure] for measure in TRACK_MEASURES})})
    run.log_metrics({"movies": len(rows) // len(linkers), "movies_left_out": n_left_out})
    run.log_table("results", [_public(row) for row in rows])
    run.log_figure(output / "alpha.png")


def _public(row: Mapping[str, Any]) -> dict[str, object]:
    """What of a row is no warning, as that can name files."""
    return {name: value for name, value in row.items() if name not in ("warnings", "inputs")}


def _print(rows: "list[Row]") -> None:
    columns = ["scenario", "density", "snr", "linker", *TRACK_MEASURES]
    print_table("Particle Tracking Challenge, your copy", columns, [[row[name] for name in columns] for row in rows])
