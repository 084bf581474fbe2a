import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg.errors import UserError

if TYPE_CHECKING:
    from tracking.io.challenge_labels import ChallengeLabels

Row = dict[str, Any]


class BenchmarkResults:
    """Measures of every movie and linker, in ``results.json`` and ``results.csv`` as soon as they are known.

    What an earlier, interrupted command measured is taken as it is, if nothing has changed that it hangs on.

    Attributes:
        rows: One a movie and linker, sorted as the challenge lists movies.
    """

    def __init__(self, folder: Path, note: str, settings: Mapping[str, str], rows: list[Row]) -> None:
        self.folder, self.note, self.settings, self.rows = folder, note, dict(settings), rows

    def find(self, labels: "ChallengeLabels", linker: str, inputs: Mapping[str, str]) -> Row | None:
        """The measures of a movie and linker, if its files are those that ``inputs`` tells."""
        for row in self.rows:
            if _place(row) == (labels.place, linker):
                return row if row["inputs"] == dict(inputs) else None
        return None

    def add(self, row: Row) -> None:
        """Add a row, or replace that of the same movie and linker, and write the files."""
        self.rows = sorted([one for one in self.rows if _place(one) != _place(row)] + [row], key=_place)
        self._write()

    def _write(self) -> None:
        from medseg.io.atomic import atomic_path

        content = {"note": self.note, "settings": self.settings, "results": self.rows}
        with atomic_path(self.folder / "results.json") as partial:
            partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        with (
            atomic_path(self.folder / "results.csv") as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            columns = [name for name in self.rows[0] if name not in ("inputs", "warnings")]
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


@contextmanager
def benchmark_results(
    folder: Path, note: str, settings: Mapping[str, str], overwrite: bool
) -> Iterator[BenchmarkResults]:
    """The results in a folder, which is made if need be, for one process at a time.

    Args:
        folder: Where they are, or will be.
        note: What whoever reads them has to know.
        settings: What all measures hang on: of every linker, by its name, a digest of the code and of its options.
        overwrite: Begin anew.

    Raises:
        UserError: Results are there that another version or other options made, or something else is; the folder cannot
            be made; or another process works in it.
    """
    from filelock import FileLock, Timeout

    from medseg.cli.outputs import make_folder

    make_folder(folder)
    lock = FileLock(folder / ".medseg-lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"another medseg works in `{folder}`: wait for it, or choose another --output") from None
    try:
        before, rows = (dict(settings), []) if overwrite else _read(folder / "results.json")
        changed = [name for name in settings if before.get(name, settings[name]) != settings[name]]
        if changed:
            raise UserError(
                f"`{folder / 'results.json'}` has results of {changed[0]} by another version of medseg or with other"
                " options: pass --overwrite to begin anew, or another --output"
            )
        yield BenchmarkResults(folder, note, {**before, **settings}, rows)
    finally:
        lock.release()
        (folder / ".medseg-lock").unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, str], list[Row]]:
    if not path.exists():
        return {}, []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows: list[Row] = content["results"]
        settings: dict[str, str] = dict(content["settings"])
        for row in rows:
            _place(row), row["inputs"], float(row["alpha"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(
            f"`{path}` holds no results of this benchmark: pass --overwrite to replace it, or another --output"
        ) from error
    return settings, rows


def _place(row: Row) -> tuple[tuple[int, int, int], str]:
    from tracking.io.challenge_labels import ChallengeLabels

    return ChallengeLabels(row["scenario"], row["density"], row["snr"]).place, row["linker"]
