import json
from pathlib import Path

from medseg.cli.console import frame_progress, print_json, print_table, say
from medseg.cli.model_name import bundle_option, model_name
from medseg.errors import UserError

_MEASURES = {
    "link_log_likelihood": "mean log-likelihood of the true links, in nats",
    "future": "loss of the links seen from the future, in nats",
    "expected": "loss of the expected positions, in nats",
    "real": "loss of telling particles from false detections, in nats",
    "right": "share of spots with the right predecessor, or rightly none",
    "link_calibration_error": "expected calibration error of the link probabilities",
}


def evaluate_tracker(
    bundle: Path, output: Path, *, overwrite: bool, trust_bundle: bool, no_log: bool, json_output: bool
) -> None:
    """Score a particle tracker on simulated movies that no training has seen; writes metrics.json.

    Raises:
        UserError: the bundle is not trusted or cannot be evaluated, or there are metrics already.
    """
    from medseg.bundle import read_metadata
    from medseg.bundle.trust import require_trust
    from medseg.bundle.weights import find_weights
    from medseg.cli.outputs import make_folder, require_free
    from medseg.cli.single_threaded import single_threaded
    from medseg.io import sha256_of
    from medseg.io.atomic import atomic_path
    from medseg.runs import open_run
    from medseg.training.evaluation import run_evaluation

    metadata = read_metadata(bundle)
    require_trust(bundle, trust_bundle)
    require_free(output, ["metrics.json"], overwrite)
    with open_run("evaluate", options={"bundle": bundle_option(bundle)}, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        run.device = "cpu"
        weights_sha256 = sha256_of(find_weights(bundle))
        run.use_model(model_name(bundle, run), metadata.version, weights_sha256)
        with frame_progress("evaluating") as show, single_threaded():
            summary = run_evaluation(bundle, show)
        metrics = {
            "bundle": {"name": bundle.name, "version": metadata.version, "weights_sha256": weights_sha256},
            "summary": summary,
        }
        with atomic_path(output / "metrics.json") as partial:
            partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        run.log_metrics(summary)
    if json_output:
        print_json(metrics)
        return
    rows = [(_MEASURES.get(name, name), value) for name, value in summary.items()]
    print_table("Simulated movies that no training has seen", ["measure", "value"], rows)
    say(f"All figures: {output / 'metrics.json'}")


def require_no_cases(bundle: Path, device: str, *given: object) -> None:
    """Refuse options that have no use with a bundle that is scored on simulated movies.

    Args:
        bundle: Its folder.
        device: Where it is to be scored.
        given: Options that name cases, None where they are not given.

    Raises:
        UserError: cases are given, or a device other than the CPU.
    """
    if any(value is not None for value in given):
        raise UserError(
            f"bundle `{bundle.name}` tracks particles and is scored on simulated movies: leave out --images, --labels, "
            "--data and --split, and track movies of your own with medseg track"
        )
    if device not in ("auto", "cpu"):
        raise UserError(f"bundle `{bundle.name}` is scored on the CPU: leave out --device")
