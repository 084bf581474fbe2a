from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg.errors import UserError
from medseg.io import case_name, find_images
from medseg.training.fold import Fold, require_fold
from medseg.training.folds import PARTS, Split, assign_parts, assign_splits
from medseg.training.patients import read_patients

_LAYOUTS = (("imagesTr", "labelsTr"), ("images", "labels"))


@dataclass(frozen=True)
class Case:
    """An image with its reference label, and the part of the data it belongs to; without a patient, its own."""

    id: str
    image: Path
    label: Path
    split: Split
    part: int = 0
    patient: str | None = None

    @property
    def owner(self) -> str:
        """Whom the case is of: its patient, or without one itself."""
        return self.patient or self.id


def find_cases(dataset_dir: str | Path, fold: Fold | None = None) -> list[Case]:
    """The labelled cases of a folder, sorted by id, with the split that each has in ``fold``.

    Images and labels are paired by name in the decathlon's layout, ``imagesTr/ID.*`` and ``labelsTr/ID.*``, or in
    ``images/ID.*`` and ``labels/ID.*``. ``dataset.json`` is not needed: the folders say it all, and its splits are not
    ours. A file ``patients.csv`` beside them says which cases are of one patient.

    Raises:
        UserError: a folder is absent or empty, an image has no label, ``patients.csv`` does not fit, or there is no
            such fold.
    """
    root = Path(dataset_dir)
    if not root.is_dir():
        raise UserError(f"`{root}` is no folder, or does not exist")
    layouts = [layout for layout in _LAYOUTS if any((root / part).is_dir() for part in layout)]
    layout = layouts[0] if layouts else _LAYOUTS[0]
    for part in layout:
        if not (root / part).is_dir():
            raise UserError(f"`{root}` must hold imagesTr and labelsTr, or images and labels, but has no {part}")
    return _pair(root / layout[0], root / layout[1], fold or Fold(), root)


def pair_cases(images: Path, labels: Path) -> list[Case]:
    """Images and labels of two folders, paired by file name without suffix, sorted by it.

    Raises:
        UserError: a folder is absent or empty, two files of it have one name, or an image has no label.
    """
    return _pair(images, labels, Fold(), None)


def data_list(
    dataset_dir: str | Path, split: Split, fold: int = 0, folds: int = PARTS, keep_test: bool = False
) -> list[dict[str, str]]:
    """The cases of one split as MONAI's datasets take them: ``[{"case": id, "image": path, "label": path}, ...]``.

    Args:
        dataset_dir: Folder that `find_cases` reads.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        fold: Which part tests, from 0.
        folds: Number of parts.
        keep_test: Leave part 0 out altogether; ``fold`` then counts from part 1.
    """
    return [
        {"case": case.id, "image": str(case.image), "label": str(case.label)}
        for case in find_cases(dataset_dir, Fold(fold=fold, folds=folds, keep_test=keep_test))
        if case.split == split
    ]


def labels_without_image(cases: Sequence[Case]) -> list[str]:
    """Names of labels that lie beside those of ``cases`` and belong to no image; these make no case."""
    image_of, label_of = _by_name(cases[0].image.parent), _by_name(cases[0].label.parent)
    return sorted(label_of.keys() - image_of.keys())


def _pair(images: Path, labels: Path, fold: Fold, root: Path | None) -> list[Case]:
    """The cases of two folders; those of ``root`` have the patients that a file there says."""
    require_fold(fold)
    image_of, label_of = _by_name(images), _by_name(labels)
    unlabelled = sorted(image_of.keys() - label_of.keys())
    if unlabelled:
        raise UserError(
            f"every image in `{images}` needs a label of the same name in `{labels}`, but {len(unlabelled)} have none, "
            f"the first being {unlabelled[0]}"
        )
    patients = read_patients(root, image_of) if root is not None else None
    parts = assign_parts(image_of, fold.folds, patients)
    splits = assign_splits(image_of, fold.test_part, fold.folds, patients, fold.left_out)
    return [
        Case(id, image_of[id], label_of[id], splits[id], parts[id], patients[id] if patients else None)
        for id in sorted(splits)
    ]


def _by_name(folder: Path) -> dict[str, Path]:
    paths = find_images([folder])
    found = {case_name(path): path for path in paths}
    for path in paths:
        if found[case_name(path)] != path:
            raise UserError(f"`{folder}` holds two files of the case {case_name(path)}, keep one of them")
    return found
