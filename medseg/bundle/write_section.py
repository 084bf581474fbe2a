import json
from pathlib import Path

from medseg.bundle.metadata import read_metadata
from medseg.bundle.sections import Calibration, Postprocessing
from medseg.io import atomic_path


def write_section(bundle: Path, section: Calibration | Postprocessing) -> None:
    """Write a measured section into the metadata of the bundle in folder ``bundle``, in place of a former one.

    The configs stay as they are, so that a trusted bundle stays trusted.

    Raises:
        UserError: the metadata cannot be read or written.
    """
    read_metadata(bundle)
    path = bundle / "configs" / "metadata.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["calibration" if isinstance(section, Calibration) else "postprocessing"] = section.model_dump()
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
