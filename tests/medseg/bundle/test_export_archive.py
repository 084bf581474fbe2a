import os
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from medseg.bundle.export_archive import export_archive
from medseg.errors import UserError


def unpack(archive: Path, folder: Path) -> None:
    with ZipFile(archive) as opened:
        opened.extractall(folder)


def test_it_holds_the_bundle_and_nothing_of_its_training(bundle: Path, tmp_path: Path) -> None:
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    for name in ("train/last.pt", "run.json", "run-2026.json", "configs/__pycache__/a.pyc", "docs/.DS_Store", "eval/x"):
        (bundle / name).parent.mkdir(exist_ok=True, parents=True)
        (bundle / name).touch()
    exported = export_archive(bundle, tmp_path / "bundle.zip")
    assert exported.left_out == ["eval", "run-2026.json", "run.json", "train"]
    unpack(tmp_path / "bundle.zip", tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {f"hippocampus_unet/{name}" for name in names | {"docs/checksums.txt"}}
    assert exported.files == len(found)


def test_bytes_do_not_depend_on_time_order_or_rights(bundle: Path, tmp_path: Path) -> None:
    export_archive(bundle, tmp_path / "first.zip")
    for path in reversed(sorted(bundle.rglob("*"))):
        if path.is_file():
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
            path.chmod(0o600)
            os.utime(path, (2e9, 2e9))
    export_archive(bundle, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_sha256sum_finds_every_file_as_it_was(bundle: Path, tmp_path: Path) -> None:
    (bundle / "docs" / "with blank \u00fc.md").write_text("text")
    (bundle / "docs" / "checksums.txt").write_text("of a former export")
    export_archive(bundle, tmp_path / "bundle.zip")
    unpack(tmp_path / "bundle.zip", tmp_path / "out")
    folder = tmp_path / "out" / "hippocampus_unet"
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "docs/checksums.txt"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == sum(path.is_file() for path in folder.rglob("*")) - 1


def remove_weights(bundle: Path) -> None:
    (bundle / "models" / "model.pt").unlink()


def cut_weights(bundle: Path) -> None:
    (bundle / "models" / "model.pt").write_bytes((bundle / "models" / "model.pt").read_bytes()[:1000])


def break_metadata(bundle: Path) -> None:
    (bundle / "configs" / "metadata.json").write_text('{"version": "0.1.0"}')


def link_a_file(bundle: Path) -> None:
    (bundle / "docs" / "secret").symlink_to("/etc/passwd")


def link_a_folder(bundle: Path) -> None:
    (bundle / "configs").rename(bundle.parent / "configs")
    (bundle / "configs").symlink_to(bundle.parent / "configs")


def make_a_pipe(bundle: Path) -> None:
    os.mkfifo(bundle / "docs" / "pipe")


def name_it_unportably(bundle: Path) -> None:
    (bundle / "docs" / "a:b").touch()


def name_two_alike(bundle: Path) -> None:
    (bundle / "docs" / "readme.md").touch()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_weights, "no weights: models/model.pt is absent; train it first"),
        (cut_weights, "is not a file of tensors"),
        (break_metadata, "breaks MONAI's bundle specification"),
        (link_a_file, "secret is a link"),
        (link_a_folder, "configs is a link"),
        (make_a_pipe, "pipe is neither a file nor a folder"),
        (name_it_unportably, "is not a plain one"),
        (name_two_alike, "are the same on many systems"),
    ],
)
def test_a_bundle_that_is_not_whole_or_plain_is_refused(bundle: Path, tmp_path: Path, damage, said: str) -> None:
    damage(bundle)
    with pytest.raises(UserError, match=said):
        export_archive(bundle, tmp_path / "bundle.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_a_folder_that_cannot_be_written_is_one_sentence(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be written: No such file"):
        export_archive(bundle, tmp_path / "absent" / "bundle.zip")
