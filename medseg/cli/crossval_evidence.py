from pathlib import Path
from typing import TYPE_CHECKING

from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata
    from medseg.bundle.sections import Postprocessing


def crossval_evidence(folder: Path, bundle: Path, metadata: "BundleMetadata") -> "Postprocessing":
    """The post-processing that a cross-validation speaks for, if it was one of what ``bundle`` does.

    Args:
        folder: What ``medseg crossval`` wrote.
        bundle: The bundle it is meant for.
        metadata: Those of ``bundle``.

    Raises:
        UserError: there is no cross-validation or it is not finished, it was of other classes, or of another network or
            other transforms, or the cases that are to test the bundle are among its own.
    """
    from pydantic import BaseModel, ValidationError

    from medseg.bundle import read_manifest
    from medseg.bundle.load import inference_config
    from medseg.bundle.sections import Postprocessing
    from medseg.io import sha256_of
    from medseg.training.crossval_plan import read_crossval_plan

    class Tested(BaseModel):
        name: str
        classes: dict[int, str]
        inference_sha256: str

    class Crossval(BaseModel):
        bundle: Tested
        missing_folds: list[int]
        postprocessing: Postprocessing | None

    path = folder / "metrics.json"
    nothing = f"`{path}` holds no evidence about post-processing: give the command medseg crossval once more"
    try:
        found = Crossval.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"`{path}` cannot be read: give --crossval the folder of a medseg crossval") from error
    except ValidationError as error:
        raise UserError(nothing) from error
    if found.missing_folds:
        missing = ", ".join(map(str, found.missing_folds))
        raise UserError(f"the cross-validation in `{folder}` is not finished, it lacks fold {missing}: let it go on")
    tested = found.bundle
    if tested.classes != metadata.classes:
        raise UserError(
            f"the cross-validation in `{folder}` was of {_told(tested.classes)} (`{tested.name}`), and bundle "
            f"`{bundle.name}` gives {_told(metadata.classes)}: its evidence is not for this bundle"
        )
    if tested.inference_sha256 != sha256_of(inference_config(bundle)):
        raise UserError(
            f"bundle `{bundle.name}` does not segment as the cross-validation in `{folder}` did, their inference "
            "configs differ: train it with the same --plan and --set"
        )
    if found.postprocessing is None:
        raise UserError(nothing)
    if (bundle / "docs" / "manifest.json").is_file():
        held_out = read_manifest(bundle).of_split("test").keys()
        both = held_out & {case.image_sha256 for case in read_crossval_plan(folder).cases}
        if both:
            raise UserError(
                f"{len(both)} of the {len(held_out)} cases that are to test bundle `{bundle.name}` are among those of "
                f"the cross-validation in `{folder}`, and must choose nothing: use one with --keep-test"
            )
    return found.postprocessing


def _told(classes: dict[int, str]) -> str:
    return ", ".join(f"{value} {name}" for value, name in classes.items())
