import os
from collections.abc import Sequence
from pathlib import Path

from medseg.bundle import Manifest, ManifestCase
from medseg.errors import UserError
from medseg.io import sha256_of
from medseg.io.atomic import atomic_path
from medseg.training.dataset import Case
from medseg.training.folds import assign_parts


def make_manifest(cases: Sequence[Case], dataset: str) -> Manifest:
    """The manifest of a training on ``cases``, each of which counts as a patient of its own."""
    parts = assign_parts(case.id for case in cases)
    return Manifest(
        dataset=dataset,
        cases=[
            ManifestCase(
                case=case.id,
                patient=case.id,
                image_sha256=sha256_of(case.image),
                label_sha256=sha256_of(case.label),
                part=parts[case.id],
                split=case.split,
            )
            for case in cases
        ],
    )


def write_manifest(manifest: Manifest, bundle: Path) -> Path:
    """Write ``docs/manifest.json`` of the bundle in folder ``bundle`` and return its path."""
    path = bundle / "docs" / "manifest.json"
    os.makedirs(path.parent, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def select_split(cases: Sequence[Case], manifest: Manifest, split: str) -> list[Case]:
    """Those of ``cases`` whose image, by its bytes, the manifest puts into ``split``; names do not matter.

    Raises:
        UserError: none of them is, or a label is not the one of the manifest.
    """
    wanted = manifest.of_split(split)
    selected = []
    for case in cases:
        entry = wanted.get(sha256_of(case.image))
        if entry is None:
            continue
        if sha256_of(case.label) != entry.label_sha256:
            raise UserError(f"`{case.label}` is not the label that the bundle's manifest records for case {entry.case}")
        selected.append(case)
    if not selected:
        raise UserError(f"none of the {len(cases)} images is one of the {len(wanted)} {split} cases of the manifest")
    return selected
