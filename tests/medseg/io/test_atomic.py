import subprocess
import sys
from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.io import atomic_path
from medseg.io.atomic import remove_partial_files

WRITE_UNTIL_THE_DISK_IS_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from medseg.errors import UserError
from medseg.io import Image, write_image

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
noise = np.random.default_rng(0).integers(0, 60_000, (1, 64, 64, 20)).astype(np.uint16)
for name in sys.argv[1:]:
    flat = Path(name).suffix in (".png", ".tif")
    image = Image(noise.reshape(1, 320, 256), np.eye(3), ".png") if flat else Image(noise, np.eye(4), ".nii")
    try:
        write_image(name, image)
    except UserError as error:
        print(error)
"""


def test_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    targets = [tmp_path / f"a{suffix}" for suffix in (".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".tif")]
    targets[1].write_bytes(b"old")
    command = [sys.executable, "-c", WRITE_UNTIL_THE_DISK_IS_FULL, *map(str, targets)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    sentences = done.stdout.splitlines()
    assert len(sentences) == len(targets), done.stdout
    for target, sentence in zip(targets, sentences, strict=True):
        assert sentence.startswith(f"`{target}` could not be written: ")
        assert sentence.endswith(("File too large", "the disk may be full"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]
    assert targets[1].read_bytes() == b"old"


def test_target_appears_at_the_end_with_the_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a.nii.gz"
    target.write_bytes(b"old")
    (tmp_path / "other").write_bytes(b"")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_any_error_passes_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail_halfway() -> None:
        with atomic_path(tmp_path / "a.json") as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail_halfway()
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_hold_the_file_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.nii").mkdir()
    for target, reason in (
        (tmp_path / "absent" / "a.nii", "No such file or directory"),
        (tmp_path / "file" / "a.nii", "Not a directory"),
        (tmp_path / "folder.nii", "Is a directory"),
    ):
        with (
            pytest.raises(UserError, match=f"^`{target}` could not be written: {reason}$"),
            atomic_path(target) as path,
        ):
            path.write_bytes(b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.nii"]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / ".medseg-detections").mkdir()
    kept, left = tmp_path / "configs" / "a.yaml", tmp_path / "configs" / ".medseg-0123456789ab.yaml"
    for path in (kept, left, tmp_path / ".medseg-detections" / "part"):
        path.touch()
    remove_partial_files(tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {"configs", ".medseg-detections", "a.yaml", "part"}
