from dataclasses import dataclass
from pathlib import Path

from medseg.errors import UserError
from medseg.io import case_name, find_images
from medseg.training.folds import Split, assign_splits


@dataclass(frozen=True)
class Case:
    """An image with its reference label, and the part of the data it belongs to."""

    id: str
    image: Path
    label: Path
    split: Split


def find_cases(dataset_dir: str | Path) -> list[Case]:
    """The labelled cases of a folder in the decathlon's layout: ``imagesTr/ID.*`` and ``labelsTr/ID.*``, sorted by id.

    ``dataset.json`` is not needed: the folders say it all, and its splits are not ours.

    Raises:
        UserError: a folder is absent or empty, or an image has no label.
    """
    root = Path(dataset_dir)
    for part in ("imagesTr", "labelsTr"):
        if not (root / part).is_dir():
            raise UserError(f"`{root}` must hold the folders imagesTr and labelsTr, but has no {part}")
    return pair_cases(root / "imagesTr", root / "labelsTr")


def pair_cases(images: Path, labels: Path) -> list[Case]:
    """Images and labels of two folders, paired by file name without suffix, sorted by it.

    Raises:
        UserError: a folder is absent or empty, two files of it have one name, or an image has no label.
    """
    image_of, label_of = _by_name(images), _by_name(labels)
    unlabelled = sorted(image_of.keys() - label_of.keys())
    if unlabelled:
        raise UserError(
            f"every image in `{images}` needs a label of the same name in `{labels}`, but {len(unlabelled)} have none, "
            f"the first being {unlabelled[0]}"
        )
    splits = assign_splits(image_of)
    return [Case(case_id, image_of[case_id], label_of[case_id], splits[case_id]) for case_id in sorted(image_of)]


def _by_name(folder: Path) -> dict[str, Path]:
    paths = find_images([folder])
    found = {case_name(path): path for path in paths}
    for path in paths:
        if found[case_name(path)] != path:
            raise UserError(f"`{folder}` holds two files of the case {case_name(path)}, keep one of them")
    return found


def data_list(dataset_dir: str | Path, split: Split) -> list[dict[str, str]]:
    """The cases of one split as MONAI's datasets take them: ``[{"image": path, "label": path}, ...]``."""
    return [
        {"image": str(case.image), "label": str(case.label)} for case in find_cases(dataset_dir) if case.split == split
    ]
