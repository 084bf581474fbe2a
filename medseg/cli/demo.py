from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated

import typer

from medseg.cli.console import print_json, print_table, say
from medseg.cli.numbers import defined
from medseg.cli.options import JsonOption, NoLogOption
from medseg.cli.track_measures import TRACK_MEASURES
from medseg.errors import UserError

_TEMPLATE = "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
_BUNDLE = "hippocampus_unet"
# Boxes round the two hippocampi of the MNI152 template, in its millimetres: x grows to the right, y to the front, z up.
_CENTRES = {"left": (-27.0, -23.0, -11.0), "right": (27.0, -23.0, -11.0)}
_BOX_MM = (38.0, 56.0, 42.0)


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for labels, figure and table.")] = Path("demo"),
    no_log: NoLogOption = False,
    json_output: JsonOption = False,
) -> None:
    """Segment both hippocampi of a real brain, and track a simulated movie.

    The brain is the MNI152 template that ships with nilearn. OUTPUT gets labels, a figure and run.json; OUTPUT/tracking
    the movie, its truth, the tracks and a figure. Volumes and measures are printed.
    """
    import numpy as np

    from medseg.bundle import find_bundle, load_bundle
    from medseg.bundle import segment as segment_image
    from medseg.cli.demo_tracking import demo_tracking
    from medseg.cli.load_tracker import SHIPPED_TRACKER, find_tracker, load_tracker, log_tracker
    from medseg.cli.outputs import make_folder
    from medseg.cli.overlay_figure import save_overlay_figure
    from medseg.io import crop, paste, read_image, write_image, write_label
    from medseg.io.atomic import atomic_path
    from medseg.metrics import volume_ml
    from medseg.runs import open_run

    template = find_template()
    with open_run("demo", options={"bundle": _BUNDLE}, output_dir=output, enabled=not no_log) as run:
        make_folder(output)
        run.add_input(template)
        bundle = load_bundle(find_bundle(_BUNDLE))
        run.device = str(bundle.device)
        run.use_model(bundle.name, bundle.metadata.version, bundle.weights_sha256)
        brain = read_image(template)
        whole = np.zeros(brain.spatial_shape, np.uint8)
        sides, rows = {}, []
        for side, centre in _CENTRES.items():
            image = crop(brain, centre, _BOX_MM)
            label = segment_image(bundle, image)
            write_image(output / f"{side}.nii.gz", image)
            write_label(output / f"{side}_seg.nii.gz", label, image)
            whole = paste(whole, label, image, brain)
            sides[side] = (image, label)
            volumes = {
                name: volume_ml(label == value, image.spacing) for value, name in bundle.metadata.classes.items()
            }
            rows.append({"side": side, **volumes, "whole": sum(volumes.values())})
        write_label(output / "brain_seg.nii.gz", whole, brain)
        with atomic_path(output / "overlay.png") as partial:
            save_overlay_figure(partial, sides, bundle.metadata.classes)
        run.log_figure(output / "overlay.png")
        run.log_table("volumes_ml", rows)
        run.log_metrics({f"{row['side']}_{name}_ml": row[name] for row in rows for name in row if name != "side"})
        make_folder(output / "tracking")
        tracker = load_tracker(find_tracker(SHIPPED_TRACKER))
        log_tracker(run, tracker)
        tracking = demo_tracking(output / "tracking", tracker.network)
        run.log_metrics({"tracking": defined(tracking)})
        run.log_figure(output / "tracking" / "overlay.png")
    figures = [str(output / "overlay.png"), str(output / "tracking" / "overlay.png")]
    if json_output:
        print_json({"volumes_ml": rows, "tracking": tracking, "figures": figures})
        return
    print_table(
        "Hippocampus of the MNI152 template, volumes in ml", list(rows[0]), [tuple(row.values()) for row in rows]
    )
    shown = [(TRACK_MEASURES.get(name, name), value) for name, value in tracking.items()]
    print_table("Simulated receptors, tracked and scored against the truth", ["measure", "value"], shown)
    say(f"Labels: {output}/left_seg.nii.gz, right_seg.nii.gz, brain_seg.nii.gz; tracks: {output}/tracking/tracks.csv")
    say(f"Figures: {', '.join(figures)}")


def find_template() -> Path:
    """The MNI152 T1 template, 1 mm, in nilearn's wheel; nilearn itself is not imported.

    Raises:
        UserError: nilearn is not installed, or its wheel holds the template no longer.
    """
    try:
        path = Path(str(distribution("nilearn").locate_file(_TEMPLATE)))
    except PackageNotFoundError as error:
        raise UserError("the demo's brain ships in nilearn: pip install 'medseg[demo]'") from error
    if not path.is_file():
        raise UserError(f"this nilearn ships no {Path(_TEMPLATE).name}: pip install nilearn==0.14.1")
    return path
