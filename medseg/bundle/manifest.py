from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from medseg.errors import UserError


class ManifestCase(BaseModel, extra="forbid"):
    """One case of the data a bundle was made from."""

    case: str = Field(description="Pseudonymous case id.")
    patient: str = Field(description="Pseudonymous patient id; the same for all cases of one patient.")
    image_sha256: str
    label_sha256: str
    part: int = Field(ge=0, description="Of the parts that `folds` tells of; of five, part 0 is the test set.")
    split: Literal["train", "validation", "test"]


class Manifest(BaseModel, extra="forbid"):
    """``docs/manifest.json``: which data the weights were trained on, chosen by and tested on, known by its bytes."""

    dataset: str
    folds: str = "folds-v1: case ids sorted by the sha256 of 'folds-v1:' + id, cut into five equal parts"
    cases: list[ManifestCase]

    def of_split(self, split: str) -> dict[str, ManifestCase]:
        """The cases of one split, by the sha256 of their image."""
        return {case.image_sha256: case for case in self.cases if case.split == split}


def read_manifest(bundle: Path) -> Manifest:
    """The manifest of the bundle in folder ``bundle``.

    Raises:
        UserError: there is none, or it is malformed.
    """
    path = bundle / "docs" / "manifest.json"
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"`{bundle}` has no docs/manifest.json, so the cases of a split are not known") from error
    except ValidationError as error:
        raise UserError(f"`{path}` is not a manifest: {error.errors()[0]['msg']}") from error
