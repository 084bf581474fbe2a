import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medseg.bundle import find_bundle
from medseg.io import Image, read_image, read_label, write_image

BUNDLE = ("--bundle", "hippocampus_unet")


def test_a_label_comes_back_in_the_geometry_of_its_image(medseg, crop_file, tmp_path):
    result = medseg("segment", crop_file, *BUNDLE, "-o", tmp_path / "out", "--no-log")

    label, image = read_label(tmp_path / "out" / "crop_seg.nii.gz"), read_image(crop_file)
    assert result.code == 0
    assert label.data.dtype == np.uint8
    assert label.spatial_shape == image.spatial_shape
    np.testing.assert_array_equal(label.affine, image.affine)
    volumes = [np.count_nonzero(label.data == value) / 1000 for value in (1, 2)]
    # Published volumes of a whole hippocampus lie between 2.5 and 5 ml.
    assert 2.5 < sum(volumes) < 5
    assert "anterior (ml)" in result.out


def test_format_and_voxel_order_do_not_change_the_segmentation(medseg, hippocampus_crop, tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    write_image(inputs / "nifti.nii.gz", hippocampus_crop)
    write_image(inputs / "nrrd.nrrd", hippocampus_crop)
    turned = Image(
        hippocampus_crop.data.transpose(0, 3, 1, 2)[:, ::-1],
        _permuted_and_flipped(hippocampus_crop.affine, hippocampus_crop.spatial_shape),
        ".nii.gz",
    )
    write_image(inputs / "turned.nii.gz", turned)
    write_image(inputs / "oblique.nii.gz", replace(hippocampus_crop, affine=_rotated(hippocampus_crop.affine, 20)))

    assert medseg("segment", inputs, *BUNDLE, "-o", tmp_path / "out", "--no-log").code == 0

    nifti, nrrd, turned_label, oblique = (
        read_label(tmp_path / "out" / name).data[0]
        for name in ("nifti_seg.nii.gz", "nrrd_seg.nrrd", "turned_seg.nii.gz", "oblique_seg.nii.gz")
    )
    assert nifti.any()
    np.testing.assert_array_equal(nrrd, nifti)
    np.testing.assert_array_equal(turned_label, nifti.transpose(2, 0, 1)[::-1])
    np.testing.assert_array_equal(oblique, nifti)


def _permuted_and_flipped(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The affine after the voxel axes (x, y, z) became (z, x, y) and the first of them was turned round."""
    turned = affine[:, [2, 0, 1, 3]].copy()
    turned[:3, 3] += turned[:3, 0] * (shape[2] - 1)
    turned[:, 0] *= -1
    return turned


def _rotated(affine: np.ndarray, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    rotation = np.array([[cos, -sin, 0, 0], [sin, cos, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return rotation @ affine


def test_bad_inputs_leave_the_good_ones_alone(medseg, crop_file, hippocampus_crop, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "text.nii.gz").write_text("this is not an image")
    (bad / "cut.nii.gz").write_bytes(crop_file.read_bytes()[:2000])
    write_image(bad / "four.nii.gz", replace(hippocampus_crop, data=np.repeat(hippocampus_crop.data, 3, axis=0)))
    _write_nifti(bad / "nan.nii.gz", np.full((40, 50, 40), np.nan))
    write_image(bad / "flat.png", Image(np.zeros((1, 40, 50), np.uint8), np.eye(3), ".png"))

    result = medseg("segment", crop_file, bad, *BUNDLE, "-o", tmp_path / "out", "--no-log")

    assert result.code == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["crop_seg.nii.gz", "labels.json", "run.json"]
    complaints = [line for line in result.err.splitlines() if line.startswith("medseg: ")]
    assert len(complaints) == 5
    for name in ("text.nii.gz", "cut.nii.gz", "four.nii.gz", "nan.nii.gz", "flat.png"):
        assert sum(name in line for line in complaints) == 1, name
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "FAILED"


def _write_nifti(path: Path, voxels: np.ndarray) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(voxels.astype(np.float32), np.eye(4)), path)


def test_only_bad_inputs_are_exit_code_2(medseg, tmp_path):
    (tmp_path / "text.nii.gz").write_text("this is not an image")
    assert medseg("segment", tmp_path / "text.nii.gz", *BUNDLE, "-o", tmp_path / "out", "--no-log").code == 2


def test_an_output_that_exists_is_kept_unless_told_otherwise(medseg, crop_file, tmp_path):
    target = tmp_path / "out" / "crop_seg.nii.gz"
    target.parent.mkdir()
    target.write_text("mine")

    kept = medseg("segment", crop_file, *BUNDLE, "-o", target.parent, "--no-log", "--json")
    assert json.loads(kept.out)["results"][0]["status"] == "kept"
    assert target.read_text() == "mine"

    assert medseg("segment", crop_file, *BUNDLE, "-o", target.parent, "--no-log", "--overwrite").code == 0
    assert read_label(target).data.any()


def test_a_label_is_never_taken_for_that_of_another_image_of_its_name(medseg, crop_file, hippocampus_crop, tmp_path):
    segment = ("segment", *BUNDLE, "-o", tmp_path / "out", "--no-log", "--json")
    first = json.loads(medseg(*segment, crop_file).out)["results"][0]
    again = json.loads(medseg(*segment, crop_file).out)["results"][0]
    assert again["status"] == "kept"
    assert again["volumes_ml"] == first["volumes_ml"]
    mirrored = medseg(*segment, crop_file, "--mirror")
    assert mirrored.code == 2
    assert "made by another bundle, or with another --mirror" in mirrored.err

    (tmp_path / "other").mkdir()
    write_image(tmp_path / "other" / "crop.nii.gz", replace(hippocampus_crop, data=hippocampus_crop.data + 1))
    other = medseg(*segment, tmp_path / "other" / "crop.nii.gz")
    assert other.code == 2
    assert "another image of the same name" in other.err


def test_a_whole_head_warns_and_strict_refuses_it(medseg, template, tmp_path):
    # Every fourth voxel: as large as a head, and quick.
    coarse = replace(template, data=template.data[:, ::4, ::4, ::4], affine=template.affine @ np.diag([4, 4, 4, 1]))
    write_image(tmp_path / "head.nii.gz", replace(coarse, header=None))

    warned = medseg("segment", tmp_path / "head.nii.gz", *BUNDLE, "-o", tmp_path / "out", "--no-log")
    assert warned.code == 0
    assert "crop it first" in warned.err

    refused = medseg("segment", tmp_path / "head.nii.gz", *BUNDLE, "-o", tmp_path / "no", "--no-log", "--strict")
    assert refused.code == 2
    assert "refused by --strict" in refused.err
    assert not (tmp_path / "no" / "head_seg.nii.gz").exists()


def test_wrong_arguments_make_no_run(medseg, crop_file, tmp_path):
    unknown = medseg("segment", crop_file, "--bundle", "hipocampus_unet", "-o", tmp_path / "out")
    assert unknown.code == 2
    assert "did you mean hippocampus_unet?" in unknown.err

    absent = medseg("segment", tmp_path / "absent.nii.gz", *BUNDLE, "-o", tmp_path / "out")
    assert absent.code == 2
    assert "absent.nii.gz" in absent.err

    (tmp_path / "empty").mkdir()
    empty = medseg("segment", tmp_path / "empty", *BUNDLE, "-o", tmp_path / "out")
    assert empty.code == 2

    into_itself = medseg("segment", tmp_path, *BUNDLE, "-o", tmp_path)
    assert into_itself.code == 2
    assert "another --output" in into_itself.err

    twins = tmp_path / "twins"
    twins.mkdir()
    shutil.copy(crop_file, twins)
    clash = medseg("segment", crop_file, twins, *BUNDLE, "-o", tmp_path / "out")
    assert clash.code == 2
    assert "two folders" in clash.err
    assert not (tmp_path / "out").exists()
    assert not list(Path(os.environ["XDG_DATA_HOME"]).rglob("*.db"))


def test_a_bundle_without_weights_fails_the_run(medseg, crop_file, tmp_path):
    bundle = tmp_path / "untrained"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle, ignore=shutil.ignore_patterns("*.pt"))

    result = medseg("segment", crop_file, "--bundle", bundle, "-o", tmp_path / "out", "--no-log")

    assert result.code == 2
    assert "has no weights" in result.err
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "FAILED"


def test_a_strangers_bundle_is_not_run_unasked(medseg, crop_file, tmp_path):
    bundle = tmp_path / "stranger"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle)
    config = bundle / "configs" / "inference.yaml"
    config.write_text(config.read_text() + f"extra: $open('{tmp_path}/ran', 'w')\n")

    result = medseg("segment", crop_file, "--bundle", bundle, "-o", tmp_path / "out", "--no-log")

    assert result.code == 2
    assert "--trust-bundle" in result.err
    assert not (tmp_path / "ran").exists()
    assert medseg("segment", crop_file, "-b", bundle, "-o", tmp_path / "out", "--no-log", "--trust-bundle").code == 0


def test_an_output_that_cannot_be_written(medseg, crop_file, tmp_path):
    (tmp_path / "file").write_text("")
    result = medseg("segment", crop_file, *BUNDLE, "-o", tmp_path / "file" / "out", "--no-log")
    assert result.code == 2
    assert str(tmp_path / "file") in result.err


def test_a_full_disk_leaves_no_partial_file(crop_file, tmp_path):
    # A limit on file size gives the same kind of error as a full disk, halfway through the write.
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
        "from medseg.cli.app import main; main()"
    )
    command = ["segment", str(crop_file), *BUNDLE, "-o", str(tmp_path / "out"), "--no-log"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, *command], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "crop_seg.nii.gz" in done.stderr
    assert not [path for path in (tmp_path / "out").iterdir() if path.name != "run.json"]


@pytest.mark.parametrize("command", ["segment", "evaluate", "train"])
def test_no_log_touches_no_database(medseg, crop_file, tmp_path, command):
    folders = {"evaluate": ("--data", tmp_path), "train": ("--data", tmp_path), "segment": ()}
    medseg(
        command, *((crop_file,) if command == "segment" else ()), "--no-log", "-o", tmp_path / "out", *folders[command]
    )
    assert not list(Path(os.environ["XDG_DATA_HOME"]).rglob("*.db"))


@pytest.fixture
def other_member(tmp_path: Path) -> Path:
    """The shipped bundle with weights a little off."""
    import torch

    bundle = tmp_path / "other"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle)
    weights = bundle / "models" / "model.pt"
    noise = torch.Generator().manual_seed(0)
    state = {
        name: value + 0.02 * torch.randn(value.shape, generator=noise)
        for name, value in torch.load(weights, weights_only=True).items()
    }
    torch.save(state, weights)
    return bundle


def test_mirror_and_uncertainty(medseg, crop_file, hippocampus_crop, tmp_path):
    segment = ("segment", crop_file, *BUNDLE, "--mirror", "--uncertainty", "-o", tmp_path / "out", "--no-log", "--json")
    result = medseg(*segment)

    assert result.code == 0
    (shown,) = json.loads(result.out)["results"]
    label = read_label(tmp_path / "out" / "crop_seg.nii.gz").data[0]
    maps = {kind: read_image(tmp_path / "out" / f"crop_{kind}.nii.gz") for kind in ("entropy", "mutual_information")}
    assert shown["uncertainty"] == [str(tmp_path / "out" / f"crop_{kind}.nii.gz") for kind in maps]
    for image in maps.values():
        assert image.data.dtype == np.float32
        assert image.spatial_shape == hippocampus_crop.spatial_shape
        np.testing.assert_array_equal(image.affine, read_image(crop_file).affine)
        assert 0 <= image.data.min() < 0.01
        assert image.data.max() <= 1
    entropy, disagreement = (image.data[0] for image in maps.values())
    assert (disagreement <= entropy + 1e-6).all()
    assert disagreement.max() > 0.01
    # The network is least sure where its classes meet.
    edge = (label > 0) & ((np.roll(label, 1, 1) != label) | (np.roll(label, -1, 1) != label))
    assert entropy[edge].mean() > 2 * entropy[~edge].mean()

    assert json.loads(medseg(*segment).out)["results"][0] | {"seconds": None} == shown | {
        "status": "kept",
        "seconds": None,
    }


def test_an_ensemble_names_each_member_and_differs_from_both(medseg, crop_file, other_member, tmp_path, logged):
    labels = {}
    for name, members in {
        "first": BUNDLE,
        "second": ("-b", other_member),
        "both": (*BUNDLE, "-b", other_member),
    }.items():
        result = medseg("segment", crop_file, *members, "-o", tmp_path / name, *(["--no-log"] * (name != "both")))
        assert result.code == 0, result.err
        labels[name] = read_label(tmp_path / name / "crop_seg.nii.gz").data
    assert (labels["first"] != labels["second"]).any()
    assert (labels["both"] != labels["first"]).any()
    record = json.loads((tmp_path / "both" / "labels.json").read_text())["crop_seg.nii.gz"]
    assert [model["bundle"] for model in record["models"]] == ["hippocampus_unet", "other"]
    assert len({model["weights_sha256"] for model in record["models"]}) == 2
    (run,) = logged()
    first, second = run.data.tags["model"].split(", ")
    assert first == "hippocampus_unet"
    assert second.startswith("case-")
    assert run.data.tags["model_sha256"] == ", ".join(model["weights_sha256"] for model in record["models"])


def test_a_png_has_its_uncertainty_in_nrrd(tmp_path):
    from medseg.bundle import Prediction
    from medseg.cli.uncertainty_files import write_uncertainty

    image = Image(np.zeros((1, 4, 6), np.uint8), np.diag([0.5, 0.5, 1.0]), ".png")
    values = np.random.default_rng(0).uniform(size=(4, 6)).astype(np.float32)
    (path,) = write_uncertainty(tmp_path, "cells", Prediction(np.zeros((4, 6), np.uint8), entropy=values), image)
    assert path.name == "cells_entropy.nrrd"
    np.testing.assert_array_equal(read_image(path).data[0], values)
    np.testing.assert_allclose(read_image(path).affine, image.affine)


def test_a_label_and_its_uncertainty_are_of_one_command(medseg, crop_file, tmp_path):
    segment = ("segment", crop_file, *BUNDLE, "-o", tmp_path / "out", "--no-log")
    assert medseg(*segment).code == 0

    alone = medseg(*segment, "--uncertainty")
    assert alone.code == 2
    assert "exists without its uncertainty" in alone.err
    assert medseg(*segment, "--uncertainty", "--overwrite").code == 0
    assert not (tmp_path / "out" / "crop_mutual_information.nii.gz").exists()

    stale = medseg(*segment, "--overwrite")
    assert stale.code == 0
    assert "crop_entropy.nii.gz` belongs to a former label" in stale.err

    (tmp_path / "out" / "crop_seg.nii.gz").unlink()
    orphan = medseg(*segment, "--uncertainty")
    assert orphan.code == 2
    assert "crop_entropy.nii.gz` exists and is kept" in orphan.err


def test_members_and_options_that_do_not_go_together_are_one_sentence(medseg, crop_file, tmp_path):
    bundle = tmp_path / "amygdala"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle)
    path = bundle / "configs" / "metadata.json"
    path.write_text(
        path.read_text()
        .replace('"1": "anterior"', '"1": "amygdala"')
        .replace('"mirror_axes": [0]', '"mirror_axes": []')
    )
    segment = ("segment", crop_file, "-o", tmp_path / "out", "--no-log")

    mixed = medseg(*segment, *BUNDLE, "-b", bundle)
    assert mixed.code == 2
    assert "an ensemble needs bundles of one task" in mixed.err
    unmirrored = medseg(*segment, "-b", bundle, "--mirror")
    assert unmirrored.code == 2
    assert "was not trained with mirror images" in unmirrored.err
    assert not (tmp_path / "out" / "crop_seg.nii.gz").exists()
