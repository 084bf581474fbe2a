import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.cli.console import say, step_progress
from medseg.cli.load_tracker import SHIPPED_TRACKER, LoadedTracker, load_tracker, log_tracker
from medseg.cli.single_threaded import single_threaded
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.runs import Run
    from tracking.calibration import Calibration, CalibrationOptions
    from tracking.detection import DetectionOptions
    from tracking.io import Movie
    from tracking.linking import LinkingOptions

# Both in the output folder; a bundle so that the next movie of the kind is tracked with it.
CALIBRATED_BUNDLE, CALIBRATION_FIGURE = "particle_tracker", "calibration.png"
CALIBRATION_FILES = (CALIBRATED_BUNDLE, CALIBRATION_FIGURE)
_NOT_COPIED = ("train", "evaluation", "__pycache__", "calibration.json")


def calibration_options(
    wanted: bool, minutes: float | None, seed: int | None, linker: str
) -> "CalibrationOptions | None":
    """Options of a calibration, None if none is wanted.

    Raises:
        UserError: An option is given without ``--calibrate``, or that with another linker, or it is out of range.
    """
    names = {"minutes": "--calibration-minutes", "seed": "--seed"}
    given = {name: value for name, value in (("minutes", minutes), ("seed", seed)) if value is not None}
    if not wanted:
        if given:
            raise UserError(f"{names[next(iter(given))]} is for --calibrate alone: give that too")
        return None
    if linker != "recurrent":
        raise UserError(f"--calibrate is for --linker recurrent alone, got --linker {linker}")
    from tracking.calibration.options import CalibrationOptions
    from tracking.errors import TrackingError
    from tracking.validation import checked

    try:
        return checked(CalibrationOptions, given)
    except TrackingError as error:
        sentence = str(error)
        for name, option in names.items():
            sentence = sentence.replace(f"`{name}`", option)
        raise UserError(sentence) from error


def calibrate_tracker(
    run: "Run",
    tracker: LoadedTracker,
    movie: "Movie",
    output: Path,
    options: "CalibrationOptions",
    *,
    detection: "DetectionOptions",
    linking: "LinkingOptions",
    min_length: int,
    skip_bad_frames: bool,
) -> tuple[LoadedTracker, dict[str, Any]]:
    """Calibrate the tracker to a movie; say, draw, log and save what comes of it.

    A movie that cannot be calibrated to is no error: that is said, and the tracker stays as it is.

    Args:
        run: Gets parameters, metrics and the figure.
        tracker: To begin with.
        movie: To be tracked.
        output: Gets the folder `CALIBRATED_BUNDLE` and `CALIBRATION_FIGURE`. Must exist.
        options: Of the calibration.
        detection: How spots are found.
        linking: How they are linked.
        min_length: Chains of fewer detections are no tracks.
        skip_bad_frames: Pass over frames that cannot be read.

    Returns:
        The tracker to track the movie with, and what was found, ready for JSON: ``calibration`` with all of it (None if
        the movie cannot be calibrated to), and ``warnings``.

    Raises:
        TrackingError: A frame cannot be read, or the output cannot be written.
    """
    from tracking.calibration import calibrate, sample_spots, save_calibration_figure
    from tracking.detect_movie import detector_of
    from tracking.errors import TrackingError

    detector = detector_of(movie, detection, skip_bad_frames=skip_bad_frames)
    if movie.is_3d and linking.z_scale == 1 and movie.pixel_size and movie.z_step:
        linking = linking.model_copy(update={"z_scale": movie.z_step / movie.pixel_size})
    with step_progress("calibrating") as show, single_threaded():
        spots = sample_spots(
            movie,
            detector,
            skip_bad_frames=skip_bad_frames,
            progress=lambda done, of: show("looking", done, of),
        )
        try:
            found = calibrate(
                spots,
                detector,
                tracker.network,
                linking,
                n_frames=movie.n_frames,
                dtype=movie.dtype,
                options=options,
                min_length=min_length,
                progress=show,
            )
        except TrackingError as error:
            warning = f"the tracker was not calibrated: {error}"
            run.log_params({"calibration": {"options": options.model_dump(mode="json"), "done": False}})
            return tracker, {"calibration": None, "warnings": [warning]}
    for sentence in found.sentences():
        say(sentence)
    bundle = output / CALIBRATED_BUNDLE
    _save_bundle(bundle, tracker, found)
    # One that can be read.
    looked_at = spots["frame"].unique()
    save_calibration_figure(output / CALIBRATION_FIGURE, found, movie.frame(int(looked_at[len(looked_at) // 2])))
    _log(run, found, output)
    say(f"Calibrated tracker: {bundle}; figure: {output / CALIBRATION_FIGURE}")
    calibrated = load_tracker(bundle)
    log_tracker(run, calibrated)
    return calibrated, {"calibration": found.to_dict(), "warnings": list(found.doubts)}


def _save_bundle(target: Path, tracker: LoadedTracker, found: "Calibration") -> None:
    """A copy of the tracker's bundle with the network's weights and ``calibration.json``."""
    from medseg.bundle import find_bundle
    from tracking.atomic import atomic_path
    from tracking.dpht.weights import save_weights

    source = tracker.path if tracker.path.is_dir() else find_bundle(SHIPPED_TRACKER)
    with atomic_path(target) as partial:
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        save_weights(partial / "models" / "model.pt", found.network)
        (partial / "calibration.json").write_text(
            json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
        _describe(partial, found)


def _describe(bundle: Path, found: "Calibration") -> None:
    """Say in a bundle's metadata and readme whose measures these weights have: no longer those of the source."""
    path = bundle / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    version = f"{str(metadata['version']).split('+')[0]}+calibrated"
    metadata["changelog"] = {version: "Calibrated to one movie by medseg track --calibrate", **metadata["changelog"]}
    metadata |= {"version": version, "eval_metrics": {}}
    path.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")
    lines = [
        f"# {metadata.get('name') or bundle.name}, calibrated to one movie",
        "Made by `medseg track --calibrate`. What was estimated is in calibration.json.",
        "\n".join(f"- {sentence}" for sentence in (*found.sentences(), *found.doubts)),
    ]
    (bundle / "docs").mkdir(exist_ok=True)
    (bundle / "docs" / "README.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _log(run: "Run", found: "Calibration", output: Path) -> None:
    content = found.to_dict()
    model = {name: value for name, value in content["model"].items() if name != "motions"}
    run.log_params(
        {
            "calibration": {
                "options": content["options"],
                "done": True,
                "is_tuned": found.is_tuned,
                "motion": next(iter(found.estimate.motion.shares())),
                **model,
            }
        }
    )
    run.log_config("calibration", content)
    run.log_metrics(found.metrics())
    run.log_figure(output / CALIBRATION_FIGURE)
