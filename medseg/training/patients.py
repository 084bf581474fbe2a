import csv
from collections.abc import Collection
from pathlib import Path

from medseg.errors import UserError

PATIENTS_FILE = "patients.csv"


def read_patients(dataset_dir: Path, case_ids: Collection[str]) -> dict[str, str] | None:
    """The patient of every case, from ``patients.csv`` with the columns ``case`` and ``patient``; None without one.

    Raises:
        UserError: the file cannot be read, lacks a column, has an empty field, names a case twice or one that is not
            there, or leaves a case out.
    """
    path = dataset_dir / PATIENTS_FILE
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"`{path}` must be a table in UTF-8 with the columns case and patient, but {error}") from error
    patients: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        case, patient = ((row.get(name) or "").strip() for name in ("case", "patient"))
        if not case or not patient or None in row:
            raise UserError(f"`{path}` must have the columns case and patient, both filled; line {number} has not")
        if case in patients:
            raise UserError(f"`{path}` must name every case once, but names {case} again in line {number}")
        patients[case] = patient
    _require_same(path, "names cases that are not there", patients.keys() - set(case_ids))
    _require_same(path, "has no row for some cases", set(case_ids) - patients.keys())
    return patients


def _require_same(path: Path, complaint: str, cases: Collection[str]) -> None:
    if cases:
        raise UserError(f"`{path}` {complaint}: {len(cases)} of them, the first being {min(cases)}")
