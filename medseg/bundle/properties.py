from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from medseg.errors import UserError


def require_properties(
    configs: Sequence[Path],
    workflow_type: Literal["infer", "train"],
    bundle: Path,
    data: Path,
    not_applicable: Collection[str] = (),
) -> None:
    """Build what the configs of a bundle describe and refuse them if MONAI would miss something in it.

    Args:
        configs: Later ones are laid over earlier ones.
        workflow_type: Which of MONAI's lists of properties holds.
        bundle: Folder of the bundle.
        data: What the configs take for ``dataset_dir``.
        not_applicable: Properties that a bundle of this kind has no use for.

    Raises:
        UserError: properties are missing; whatever the configs raise comes through as it is.
    """
    from monai.bundle import ConfigWorkflow

    workflow = ConfigWorkflow(
        [str(config) for config in configs],
        workflow_type=workflow_type,
        logging_file=False,
        bundle_root=str(bundle),
        dataset_dir=str(data),
    )
    workflow.initialize()
    for name in not_applicable:
        workflow.properties.pop(name)
    if missing := workflow.check_properties():
        raise UserError(f"{configs[-1].name} lacks MONAI's properties {', '.join(missing)}")
