from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.console import say
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.training.dataset import Case


def find_labelled(images: Path | None, labels: Path | None, data: Path | None) -> "list[Case]":
    """The cases that --images and --labels, or --data, mean.

    Raises:
        UserError: neither or both are given, or the folders do not hold labelled cases.
    """
    from medseg.training.dataset import find_cases, pair_cases

    if data is not None and images is None and labels is None:
        return find_cases(data)
    if data is None and images is not None and labels is not None:
        return pair_cases(images, labels)
    raise UserError("give --images and --labels, or --data alone")


def choose_cases(cases: "list[Case]", bundles: Sequence[Path], split: str | None) -> "list[Case]":
    """The cases that are of ``split`` for every bundle; without one all, with a warning where any bundle saw some.

    Raises:
        UserError: there is none, a bundle has no manifest, or a label is not the one of the manifest.
    """
    from medseg.bundle import read_manifest
    from medseg.training.manifest import select_split, unseen_cases

    if split is None:
        if (seen := len(cases) - len(unseen_cases(cases, bundles))) > 0:
            say(f"warning: the weights were made with {seen} of these {len(cases)} cases: pass --split test or unseen")
        return cases
    manifests = [read_manifest(bundle) for bundle in bundles]
    if split == "unseen":
        if unseen := unseen_cases(cases, bundles):
            return unseen
        raise UserError(f"the bundles were trained on or chosen by each of these {len(cases)} cases")
    wanted: list[set[str]] = []
    for manifest in manifests:
        cases = select_split(cases, manifest, split)
        wanted.append(set(manifest.of_split(split)))
    if len(cases) < (total := len(set.intersection(*wanted))):
        say(f"warning: only {len(cases)} of the {total} {split} cases of the manifest are here")
    return cases
