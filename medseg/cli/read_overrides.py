from collections.abc import Sequence
from pathlib import Path
from typing import Any


def read_overrides(
    bundle: Path, overlay: str | None, plan: Path | None, pairs: Sequence[str] | None, trusted_by_user: bool
) -> dict[str, Any]:
    """What its own training, --overlay, --plan and --set change in the train config of ``bundle``; later ones win.

    Raises:
        UserError: one of them cannot be read, or names what the config does not have.
    """
    from medseg.training.overlay import read_overlay
    from medseg.training.plan_file import read_plan
    from medseg.training.settings import inherited_overrides, merge_overrides
    from medseg.training.workflow import parse_overrides

    laid_over = read_overlay(overlay, bundle) if overlay is not None else {}
    planned = read_plan(plan, bundle) if plan is not None else {}
    inherited = inherited_overrides(bundle, trusted_by_user)
    return merge_overrides(inherited, laid_over, planned, parse_overrides(pairs or [], bundle))
