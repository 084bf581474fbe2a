from collections.abc import Sequence
from pathlib import Path
from typing import Any


def read_overrides(bundle: Path, overlay: str | None, plan: Path | None, pairs: Sequence[str] | None) -> dict[str, Any]:
    """What --overlay, --plan and --set change in the train config of ``bundle``; later ones win.

    Raises:
        UserError: one of them cannot be read, or names what the config does not have.
    """
    from medseg.training.overlay import read_overlay
    from medseg.training.plan_file import read_plan
    from medseg.training.workflow import parse_overrides

    laid_over = read_overlay(overlay, bundle) if overlay is not None else {}
    planned = read_plan(plan, bundle) if plan is not None else {}
    return laid_over | planned | parse_overrides(pairs or [], bundle)
