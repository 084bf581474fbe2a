import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from medseg.bundle import Manifest, ManifestCase, read_manifest
from medseg.errors import UserError
from medseg.io import sha256_of
from medseg.io.atomic import atomic_path
from medseg.training.dataset import Case
from medseg.training.fold import Fold


def make_manifest(
    cases: Sequence[Case], dataset: str, pseudonym: Callable[[str], str], fold: Fold | None = None
) -> Manifest:
    """The manifest of a training on ``cases``, which have the splits of ``fold``.

    ``pseudonym`` gives what stands for the id of a case or a patient, which can be a name: a manifest travels with the
    weights.

    Raises:
        UserError: two cases with the same image are in two splits.
    """
    digest_of = {case.id: sha256_of(case.image) for case in cases}
    require_no_twins(digest_of, {case.id: case.split for case in cases})
    return Manifest(
        dataset=dataset,
        folds=(fold or Fold()).rule(by_patient=any(case.patient for case in cases)),
        cases=[
            ManifestCase(
                case=pseudonym(case.id),
                patient=pseudonym(case.owner),
                image_sha256=digest_of[case.id],
                label_sha256=sha256_of(case.label),
                part=case.part,
                split=case.split,
            )
            for case in cases
        ],
    )


def require_no_twins(digest_of: Mapping[str, str], group_of: Mapping[str, object]) -> None:
    """Refuse an image that stands twice, where one of the two would test what the other trained.

    Args:
        digest_of: sha256 of the image of every case.
        group_of: split, or fold, of every case.

    Raises:
        UserError: two cases with the same image are in two groups.
    """
    first: dict[str, str] = {}
    for case, digest in digest_of.items():
        twin = first.setdefault(digest, case)
        if group_of[twin] != group_of[case]:
            raise UserError(
                f"the cases {twin} and {case} are one image, and one would test what the other trained: remove one, "
                "or say in patients.csv that both are of one patient"
            )


def add_former_cases(manifest: Manifest, former: Path) -> Manifest:
    """The manifest of weights that go on from those of a bundle: what these have seen, the new ones have seen too.

    Cases that trained or chose the weights of the bundle in folder ``former`` count as trained on. A test case of
    ``manifest`` that is one of them can test nothing. A bundle without a manifest counts as having seen none.
    """
    seen = _seen(former)
    if not seen:
        return manifest
    own = {case.image_sha256 for case in manifest.cases}
    cases = [
        case.model_copy(update={"split": "train"}) if case.split == "test" and case.image_sha256 in seen else case
        for case in manifest.cases
    ]
    cases += [case.model_copy(update={"split": "train"}) for digest, case in seen.items() if digest not in own]
    dataset = f"{manifest.dataset}; before them, {read_manifest(former).dataset}"
    return manifest.model_copy(update={"dataset": dataset, "cases": cases})


def write_manifest(manifest: Manifest, bundle: Path) -> Path:
    """Write ``docs/manifest.json`` of the bundle in folder ``bundle`` and return its path."""
    path = bundle / "docs" / "manifest.json"
    os.makedirs(path.parent, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def require_same_cases(manifest: Manifest, former: Manifest) -> None:
    """Refuse to go on with a training on other cases, or on the same ones split otherwise.

    Raises:
        UserError: the two differ; cases are known by their bytes.
    """

    def known(item: Manifest) -> set[tuple[str, str, str]]:
        return {(case.image_sha256, case.label_sha256, case.split) for case in item.cases}

    if known(manifest) != known(former):
        raise UserError("the cases, or their names, are not those that the training was begun with: train anew")


def select_split(cases: Sequence[Case], manifest: Manifest, split: str) -> list[Case]:
    """Those of ``cases`` whose image, by its bytes, the manifest puts into ``split``; names do not matter.

    Raises:
        UserError: none of them is, or a label is not the one of the manifest.
    """
    # An image that stands twice is known by the first of these.
    order = ("train", "validation", "test")
    before = {digest for other in order[: order.index(split)] for digest in manifest.of_split(other)}
    wanted = {digest: entry for digest, entry in manifest.of_split(split).items() if digest not in before}
    selected = []
    for case in cases:
        entry = wanted.get(sha256_of(case.image))
        if entry is None:
            continue
        if sha256_of(case.label) != entry.label_sha256:
            raise UserError(f"`{case.label}` is not the label that the bundle's manifest records for case {entry.case}")
        selected.append(case)
    if not selected:
        raise UserError(
            f"none of the {len(cases)} images is one of the {len(wanted)} {split} cases of the manifest: give the data "
            "that the bundle was made from"
        )
    return selected


def unseen_cases(cases: Sequence[Case], bundles: Sequence[Path]) -> list[Case]:
    """Those of ``cases`` that neither trained nor chose the weights of any of the bundles, by their bytes.

    A bundle without a manifest counts as having seen none.
    """
    seen = {digest for bundle in bundles for digest in _seen(bundle)}
    return [case for case in cases if sha256_of(case.image) not in seen] if seen else list(cases)


def _seen(bundle: Path) -> dict[str, ManifestCase]:
    """The cases that trained or chose the weights of a bundle, by the sha256 of their image."""
    if not (bundle / "docs" / "manifest.json").is_file():
        return {}
    manifest = read_manifest(bundle)
    return {**manifest.of_split("train"), **manifest.of_split("validation")}
