from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medseg.runs import Run


def model_name(bundle: Path, run: "Run") -> str:
    """The name of a bundle as it may be logged: a shipped one's own; a user's folder can be named after a patient."""
    from medseg.bundle import shipped_bundles

    return bundle.name if bundle in shipped_bundles().values() else run.case(bundle.name)


def bundle_option(bundle: Path) -> str | Path:
    """The option --bundle as it may be logged: a name, or a path, which is not logged as it is."""
    from medseg.bundle import shipped_bundles

    return bundle.name if bundle in shipped_bundles().values() else bundle


def bundle_options(bundles: Sequence[Path]) -> str | Path | list[str | Path]:
    """The same of several bundles; of one it is that of `bundle_option`."""
    options = [bundle_option(bundle) for bundle in bundles]
    return options if len(options) > 1 else options[0]
