import json
from pathlib import Path
from typing import Any

from medseg.errors import UserError

_FILE = "labels.json"


def read_record(folder: Path) -> dict[str, dict[str, Any]]:
    """Which image each label in ``folder`` was made of, by the label's file name; empty where nothing was made yet.

    Raises:
        UserError: the record is damaged.
    """
    path = folder / _FILE
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): dict(entry) for name, entry in record.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"`{path}` is damaged: move it away to go on") from error


def write_record(folder: Path, record: dict[str, dict[str, Any]]) -> None:
    """Write the record, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    from medseg.io import atomic_path

    with atomic_path(folder / _FILE) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
