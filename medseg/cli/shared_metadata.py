from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.bundle import BundleMetadata


def shared_metadata(bundles: Sequence[Path]) -> "BundleMetadata":
    """The metadata of the first of several bundles that can be compared.

    Raises:
        UserError: there are fewer than two, or they do not do the same.
    """
    from medseg.bundle import read_metadata

    if len(bundles) < 2:
        raise UserError("a comparison needs two bundles or more, got one: `medseg evaluate` scores a single one")
    first, *others = (read_metadata(bundle) for bundle in bundles)
    for bundle, other in zip(bundles[1:], others, strict=True):
        if (other.medseg_kind, other.classes) != (first.medseg_kind, first.classes):
            raise UserError(
                f"a comparison needs bundles of one kind and the same classes, but `{bundles[0].name}` does "
                f"{_told(first)} and `{bundle.name}` does {_told(other)}"
            )
    if not first.segments:
        raise UserError(f"`{bundles[0].name}` tracks particles: use medseg benchmark ptc, or medseg evaluate for each")
    return first


def _told(metadata: "BundleMetadata") -> str:
    classes = ", ".join(f"{value} {name}" for value, name in metadata.classes.items())
    return f"{metadata.medseg_kind} of {classes or 'nothing'}"
