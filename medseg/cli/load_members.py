from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.model_name import model_name

if TYPE_CHECKING:
    from medseg.bundle import LoadedBundle
    from medseg.runs import Run


def load_members(
    folders: Sequence[Path], run: "Run", device: str, trusted_by_user: bool, *, mirror: bool, uncertainty: bool = False
) -> "list[LoadedBundle]":
    """Load the bundles of an ensemble, or one, and name each in the run.

    Raises:
        UserError: one cannot be loaded, or they cannot do together what is asked.
    """
    from medseg.bundle import load_bundle
    from medseg.bundle.ensemble import require_members

    members = [load_bundle(folder, device, trusted_by_user) for folder in folders]
    run.device = str(members[0].device)
    for folder, member in zip(folders, members, strict=True):
        run.use_model(model_name(folder, run), member.metadata.version, member.weights_sha256)
    require_members(members, mirror=mirror, uncertainty=uncertainty)
    return members
