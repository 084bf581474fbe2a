"""Options that several commands share."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

TOLERANCE_MM = 1.0


def finite(value: float | None) -> float | None:
    """A number as it is given.

    Raises:
        typer.BadParameter: it is infinite or no number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a finite number")
    return value


BundleOption = Annotated[
    str, typer.Option("--bundle", "-b", help="Name of a shipped bundle (see `medseg bundle list`) or path of any.")
]
BundlesOption = Annotated[
    list[str],
    typer.Option(
        "--bundle",
        "-b",
        help="Name of a shipped bundle (see `medseg bundle list`) or path of any. Given several times: an ensemble, "
        "whose probabilities are averaged.",
    ),
]
MirrorOption = Annotated[
    bool, typer.Option("--mirror", help="Average over mirror images too, along the axes that training mirrored.")
]
ImagesOption = Annotated[Path | None, typer.Option("--images", help="Folder of images.")]
LabelsOption = Annotated[Path | None, typer.Option("--labels", help="Folder of labels of the same names.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder with imagesTr/ and labelsTr/, or images/ and labels/, instead.")
]
SplitOption = Annotated[
    Literal["train", "validation", "test", "unseen"] | None,
    typer.Option(
        "--split",
        help="Only cases that the manifest of every bundle puts here, known by their bytes; unseen: all that no bundle "
        "trained on or was chosen by.",
    ),
]
ToleranceOption = Annotated[float, typer.Option("--tolerance", min=0.0, help="Of the surface Dice (NSD), in mm.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Folder for everything the command writes.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist; else they are kept.")]
GroupsOption = Annotated[
    str | None,
    typer.Option(
        "--groups", metavar="FILE.csv:COLUMN", help="Summaries by this column too; the first column names the case."
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
TrustOption = Annotated[
    bool, typer.Option("--trust-bundle", help="Run the configs of a bundle that did not ship with medseg.")
]
NoLogOption = Annotated[bool, typer.Option("--no-log", help="Write no MLflow run, but run.json all the same.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
OverlayOption = Annotated[
    str | None, typer.Option("--overlay", metavar="NAME", help="Lay configs/NAME.yaml of the bundle over train.yaml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override the config: --set max_epochs=20.")
]
PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="Overrides from a file of `medseg plan`; --set wins over it.")
]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="GB",
        min=0.0,
        callback=finite,
        help="What training may take there; else what is free.",
    ),
]
ChannelOption = Annotated[str | None, typer.Option("--channel", help="Channel of the movie, by number from 0 or name.")]
AxesOption = Annotated[
    str | None, typer.Option("--axes", metavar="TYX", help="Order of the movie's axes where the file has it wrong.")
]
PixelSizeOption = Annotated[float | None, typer.Option("--pixel-size", help="Micrometres per pixel.")]
ZStepOption = Annotated[float | None, typer.Option("--z-step", help="Micrometres per slice.")]
FrameIntervalOption = Annotated[float | None, typer.Option("--frame-interval", help="Seconds per frame.")]
