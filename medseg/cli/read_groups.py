import csv
from collections.abc import Collection
from pathlib import Path

from medseg.errors import UserError


def read_groups(file_and_column: str, cases: Collection[str]) -> dict[str, str]:
    """The group of every case that a table names, from ``FILE.csv:COLUMN``; its first column holds the case.

    Raises:
        UserError: there is no colon, the file cannot be read, has no such column, or names none of ``cases``.
    """
    name, colon, column = file_and_column.rpartition(":")
    if not colon or not name:
        raise UserError(f"--groups wants FILE.csv:COLUMN, got `{file_and_column}`")
    try:
        with Path(name).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            fields = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"`{name}` cannot be read as a table: {error}") from error
    if column not in fields[1:]:
        raise UserError(f"`{name}` has no column `{column}` after its first; it has {', '.join(fields[1:]) or 'none'}")
    groups = {row[fields[0]]: row[column] for row in rows if row[column]}
    found = {case: groups[case] for case in cases if case in groups}
    if not found:
        raise UserError(f"the first column of `{name}`, {fields[0]}, names none of the {len(cases)} cases")
    return found
