import json
import shutil
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medseg.bundle import archive_entries, shipped_bundles
from medseg.bundle.export_archive import export_archive
from medseg.bundle.import_archive import import_archive
from medseg.bundle.trust import is_trusted
from medseg.errors import UserError

METADATA = (shipped_bundles()["hippocampus_unet"] / "configs" / "metadata.json").read_bytes()


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(path: Path, files: dict[str, bytes], compression: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def small(**more: bytes) -> dict[str, bytes]:
    return {"b/configs/metadata.json": METADATA, **more}


def test_what_was_exported_comes_back_and_is_trusted(bundle: Path, tmp_path: Path) -> None:
    export_archive(bundle, tmp_path / "bundle.zip")
    imported = import_archive(tmp_path / "bundle.zip", tmp_path / "deep" / "back")
    assert imported.is_verified
    found = content(tmp_path / "deep" / "back")
    assert found.pop("docs/checksums.txt")
    assert found == content(bundle)
    assert is_trusted(tmp_path / "deep" / "back")
    # And again, to the byte.
    shutil.move(tmp_path / "deep" / "back", tmp_path / "again" / "hippocampus_unet")
    export_archive(tmp_path / "again" / "hippocampus_unet", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "bundle.zip").read_bytes()


def test_an_archive_of_the_model_zoo_has_no_checksums_and_folders_of_their_own(tmp_path: Path) -> None:
    path = pack(tmp_path / "zoo.zip", {"b/": b"", "b/configs/": b"", **small(), "b/configs/train.json": b"{}"})
    imported = import_archive(path, tmp_path / "zoo")
    assert (imported.files, imported.is_verified, imported.metadata.version) == (2, False, "0.1.0")
    assert not is_trusted(tmp_path / "zoo")


def hostile(entry: str) -> Callable[[Path], Path]:
    return lambda path: pack(path, {**small(), entry: b"evil"})


def link(path: Path) -> Path:
    entry = ZipInfo("b/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(pack(path, small()), "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    return path


def link_to_a_folder(path: Path) -> Path:
    entry = ZipInfo("b/link/")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(pack(path, small()), "a") as archive:
        archive.writestr(entry, "/tmp")
    return path


def twice(path: Path) -> Path:
    with ZipFile(pack(path, small()), "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("b/configs/metadata.json", b"{}")
    return path


def null_byte(path: Path) -> Path:
    pack(path, {**small(), "b/configs/evilXtxt": b"evil"})
    path.write_bytes(path.read_bytes().replace(b"evilXtxt", b"evil\0txt"))
    return path


def encrypted(path: Path) -> Path:
    data = bytearray(pack(path, small()).read_bytes())
    # The flags, in the directory at the end of the archive.
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    return path


def unusual(path: Path) -> Path:
    return pack(path, small(), ZIP_LZMA)


def bomb(path: Path) -> Path:
    return pack(path, {**small(), "b/zeros": bytes(10**7)})


def declare(path: Path, size: int) -> Path:
    """Another size of the file b/data in the directory of the archive, which is what unpacking goes by."""
    data = bytearray(pack(path, {**small(), "b/data": b"12345"}).read_bytes())
    start = data.rindex(b"PK\1\2")
    data[start + 24 : start + 28] = size.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def overlapping(path: Path) -> Path:
    """Two names for one stretch of the archive."""
    data = bytearray(
        pack(path, {"b/configs/metadata.json": METADATA, "b/configs/metadata.bak0": METADATA}).read_bytes()
    )
    second = data.rindex(b"PK\1\2")
    data[second + 20 : second + 24] = (len(data)).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    data = pack(path, small()).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def flipped(path: Path) -> Path:
    data = bytearray(pack(path, {**small(), "b/data": b"12345" * 20}, 0).read_bytes())
    data[data.index(b"12345")] ^= 1
    path.write_bytes(data)
    return path


def text(path: Path) -> Path:
    path.write_text("no archive")
    return path


def broken_metadata(path: Path) -> Path:
    return pack(path, {"b/configs/metadata.json": b"{}"})


def changed(path: Path) -> Path:
    return pack(path, {**small(), "b/docs/checksums.txt": b"0" * 64 + b"  configs/metadata.json\n"})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (hostile("/etc/evil"), "is absolute"),
        (hostile("../evil"), "leads out"),
        (hostile("b/../../evil"), "leads out"),
        (hostile("b\\..\\evil"), "not a plain one"),
        (hostile("C:/evil"), "not a plain one"),
        (hostile("b/CONFIGS/evil"), "the same on many systems"),
        (hostile("c/evil"), "must hold one folder, the bundle's, and holds b, c"),
        (hostile("evil"), "must hold one folder, the bundle's, and holds b, evil"),
        (link, "b/link is a link or another special file"),
        (link_to_a_folder, "b/link/ is a link or another special file"),
        (twice, "comes twice"),
        (null_byte, "not a plain one"),
        (encrypted, "is encrypted"),
        (unusual, "packed in an unusual way"),
        (bomb, "times its size"),
        (lambda path: declare(path, 3 * 2**30), "unpacks to 3.0 GiB, and a bundle has at most 2"),
        (lambda path: declare(path, 6), "has 5 bytes and declares 6|Bad CRC"),
        (lambda path: declare(path, 4), "Bad CRC"),
        (overlapping, "overlap"),
        (cut, "is no ZIP archive, or a damaged one"),
        (flipped, "Bad CRC"),
        (text, "is no ZIP archive, or a damaged one"),
        (broken_metadata, "configs/metadata.json in `.*` breaks MONAI's bundle specification: schema"),
        (changed, "configs/metadata.json was changed since docs/checksums.txt was written"),
        (lambda path: pack(path, {"b/LICENSE": b""}), "there is no b/configs/metadata.json"),
        (lambda path: pack(path, {"configs/metadata.json": METADATA}), "there is no configs/configs/metadata.json"),
        (lambda path: pack(path, {}), "holds nothing"),
        (lambda path: path, "could not be read: No such file"),
    ],
)
def test_a_hostile_or_damaged_archive_leaves_nothing(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    path = make(tmp_path / "archive.zip")
    with pytest.raises(UserError, match=said) as raised:
        import_archive(path, tmp_path / "target")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [path] or not path.exists()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_entries, "_MOST_FILES", 3)
    path = pack(tmp_path / "archive.zip", {**small(), **{f"b/{number}": b"" for number in range(3)}})
    with pytest.raises(UserError, match="holds 4 entries, and a bundle at most 3"):
        import_archive(path, tmp_path / "target")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_bytes_change_it_is_whole_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    files = {**small(), "b/LICENSE": b"text" * 10}
    damaged = bytearray(pack(tmp_path / "archive.zip", files).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        # Most of what zipfile reads is at the end.
        damaged[-data.draw(st.integers(1, min(len(damaged), 300)))] = data.draw(st.integers(0, 255))
    (tmp_path / "archive.zip").write_bytes(damaged)
    target = tmp_path / "target"
    try:
        import_archive(tmp_path / "archive.zip", target)
    except UserError:
        assert [path.name for path in tmp_path.iterdir()] == ["archive.zip"]
    else:
        assert {path.name for path in tmp_path.iterdir()} == {"archive.zip", "target"}
        assert (target / "configs" / "metadata.json").read_bytes() == METADATA
        shutil.rmtree(target)


def test_a_bundle_that_is_there_is_kept_or_replaced_as_a_whole(tmp_path: Path) -> None:
    path = pack(tmp_path / "archive.zip", small())
    target = tmp_path / "target"
    import_archive(path, target)
    (target / "mine").touch()
    with pytest.raises(UserError, match="exists and is kept: pass --overwrite"):
        import_archive(path, target)
    with pytest.raises(UserError, match="is absolute"):
        import_archive(hostile("/evil")(tmp_path / "hostile.zip"), target, overwrite=True)
    assert (target / "mine").exists()
    import_archive(path, target, overwrite=True)
    assert content(target) == {"configs/metadata.json": METADATA}
    (target / "train").mkdir()
    (target / "train" / "last.pt").touch()
    with pytest.raises(UserError, match="holds a training of yours"):
        import_archive(path, target, overwrite=True)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_no_bundle_is_never_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "target")
    with pytest.raises(UserError, match="exists and is no bundle"):
        import_archive(pack(tmp_path / "archive.zip", small()), tmp_path / "target", overwrite=True)


@pytest.mark.parametrize("name", ["hippocampus_unet", "another"])
def test_nothing_is_put_where_bundles_are_trusted_for_their_place(tmp_path: Path, name: str) -> None:
    target = shipped_bundles()["hippocampus_unet"].parent / name
    with pytest.raises(UserError, match="holds medseg's own bundles"):
        import_archive(pack(tmp_path / "archive.zip", small()), target, overwrite=True)


def test_one_changed_config_ends_the_trust_of_what_is_imported(bundle: Path, tmp_path: Path) -> None:
    config = bundle / "configs" / "inference.yaml"
    config.write_text(config.read_text() + "\nimports: [$import os]\n")
    export_archive(bundle, tmp_path / "bundle.zip")
    import_archive(tmp_path / "bundle.zip", tmp_path / "back")
    assert json.loads((tmp_path / "back" / "configs" / "metadata.json").read_text())["version"] == "0.1.0"
    assert not is_trusted(tmp_path / "back")
