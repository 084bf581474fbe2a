import subprocess
import sys
from contextlib import suppress

import pytest

from tracking.errors import TrackingError
from tracking.work_folder import work_folder


def test_parts_of_the_same_key_survive_an_error_and_others_do_not(tmp_path):
    with suppress(RuntimeError), work_folder(tmp_path / "work", "a") as folder:
        (folder / "part_0000000.parquet").write_text("spots")
        raise RuntimeError
    with suppress(RuntimeError), work_folder(tmp_path / "work", "a") as folder:
        assert (folder / "part_0000000.parquet").read_text() == "spots"
        raise RuntimeError
    with work_folder(tmp_path / "work", "b") as folder:
        assert not list(folder.glob("part*"))
    assert not (tmp_path / "work").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "precious.csv").write_text("mine")

    with pytest.raises(TrackingError, match="holds files that are not medseg's"), work_folder(tmp_path / "work", "a"):
        pass
    assert (tmp_path / "work" / "precious.csv").read_text() == "mine"


def test_what_others_put_into_ours_stays(tmp_path):
    with work_folder(tmp_path / "work", "a") as folder:
        (folder / "part_0000000.parquet").write_text("spots")
        (folder / "note.txt").write_text("mine")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["note.txt"]


def test_one_process_at_a_time(tmp_path):
    other = f"""
from pathlib import Path
from tracking.work_folder import work_folder
with work_folder(Path({str(tmp_path / "work")!r}), "a"):
    print("in", flush=True)
    input()
"""
    process = subprocess.Popen([sys.executable, "-c", other], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    with pytest.raises(TrackingError, match="another medseg works in"), work_folder(tmp_path / "work", "b"):
        pass
    # Killed outright, it leaves the folder to the next.
    process.kill()
    process.communicate()
    with work_folder(tmp_path / "work", "a"):
        pass
