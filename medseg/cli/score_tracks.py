from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medseg.cli.console import print_json, print_table, say
from medseg.cli.numbers import defined
from medseg.cli.options import JsonOption, NoLogOption
from medseg.cli.track_measures import TRACK_MEASURES
from medseg.errors import UserError

if TYPE_CHECKING:
    from tracking.tracks import Tracks


def score_tracks(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="True tracks, in any format medseg reads.")],
    tracks: Annotated[Path, typer.Argument(metavar="TRACKS", help="Tracks to score.")],
    gate: Annotated[
        float, typer.Option("--gate", help="Farthest that a point may be from its truth, in pixels.")
    ] = 5.0,
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Score tracks against the truth with the measures of the Particle Tracking Challenge."""
    from medseg.cli.content_digest import content_digest
    from medseg.cli.read_truth import read_truth
    from medseg.runs import open_run
    from tracking.io import read_tracks
    from tracking.metrics import frames_overlap, score_detections
    from tracking.metrics import score_tracks as score

    with open_run("score-tracks", options={"gate": gate}, output_dir=None, enabled=not no_log) as run:
        reference, candidate = read_truth(truth), read_tracks(tracks)
        if len(candidate.spots) and not frames_overlap(reference, candidate):
            raise UserError(f"`{truth}` and `{tracks}` have no frame in common: they are of different movies")
        run.add_input(truth, content_digest(truth))
        run.add_input(tracks, content_digest(tracks))
        result = score(reference, candidate, gate=gate)
        if not len(candidate.spots):
            say(f"warning: `{tracks}` holds no track")
        if {"ep", "virtual"} & set(reference.spots) and not {"ep", "virtual"} & set(candidate.spots):
            say(f"warning: `{truth}` looks like the output of a tracker: the truth is given first")
        if len(candidate.spots) and ("z" in reference.spots) != ("z" in candidate.spots):
            flat = truth if "z" in candidate.spots else tracks
            say(f"warning: `{flat}` has no z, and is scored as if all of it were at z = 0")
        points = score_detections(reference.spots, candidate.spots, gate=gate)
        content: dict[str, Any] = {**result.to_dict(), "detection": points.to_dict()}
        run.log_metrics(defined(content))
    if json_output:
        print_json(content)
        return
    rows: list[tuple[str, object]] = [(title, content[name]) for name, title in TRACK_MEASURES.items()]
    rows += [(f"points: {name}", content["detection"][name]) for name in ("precision", "recall", "f1")]
    for name, path, file in (("truth", truth, reference), ("tracks", tracks, candidate)):
        say(f"{name}: `{path}`, {_extent(file)}")
    print_table(f"Scored at a gate of {gate:g} px", ["measure", "value"], rows)


def _extent(tracks: "Tracks") -> str:
    """How many tracks there are, and where."""
    frames = tracks.spots["frame"]
    return f"{tracks.n_particles} tracks" + (f" in frames {frames.min()} to {frames.max()}" if len(frames) else "")
