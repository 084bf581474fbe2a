import csv
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path

import pytest

from medseg.bundle import find_bundle
from medseg.cli.bundle_process import BundleProcess
from medseg.errors import UserError
from medseg.io import read_label, sha256_of, write_label
from medseg.training.dataset import find_cases

TINY = {"channels: [32, 64, 128, 256]": "channels: [4, 8]", "strides: [2, 2, 2]": "strides: [2]"}


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a bundle with a tiny network of seeded random weights, and with a manifest if given splits."""

    def make(name: str, seed: int, splits: dict[str, str] | None = None, data: Path | None = None) -> Path:
        import torch
        from monai.bundle import ConfigParser

        folder = tmp_path_factory.mktemp("tiny") / name
        shutil.copytree(find_bundle("hippocampus_unet"), folder, ignore=shutil.ignore_patterns("*.pt", "manifest.json"))
        config = folder / "configs" / "inference.yaml"
        text = config.read_text()
        for old, new in {**TINY, "roi_size: [40, 56, 40]": "roi_size: [16, 16, 16]"}.items():
            assert old in text
            text = text.replace(old, new)
        config.write_text(text)
        parser = ConfigParser()
        parser.read_config(str(config))
        torch.manual_seed(seed)
        torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "models" / "model.pt")
        if splits and data:
            write_manifest(folder, splits, data)
        return folder

    return make


def write_manifest(bundle: Path, splits: dict[str, str], data: Path) -> None:
    cases = [
        {
            "case": case.id,
            "patient": case.id,
            "image_sha256": sha256_of(case.image),
            "label_sha256": sha256_of(case.label),
            "part": 0,
            "split": splits[case.id],
        }
        for case in find_cases(data)
        if case.id in splits
    ]
    (bundle / "docs" / "manifest.json").write_text(json.dumps({"dataset": "d", "cases": cases}))


@pytest.fixture(scope="session")
def seven_cases(made_up_cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seven made-up cases, of which two are of one patient."""
    folder = tmp_path_factory.mktemp("seven")
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir()
        for number in range(7):
            shutil.copy(made_up_cases / part / f"case_{number:02}.nii.gz", folder / part)
    rows = [f"case_{number:02},patient_{max(number, 1)}" for number in range(7)]
    (folder / "patients.csv").write_text("\n".join(["case,patient", *rows]))
    return folder


@pytest.mark.timeout(600)
def test_the_numbers_are_those_of_evaluate(medseg, tiny_bundle, seven_cases, logged, tmp_path):
    one, other = tiny_bundle("jane_doe", 0), tiny_bundle("second", 1)
    (tmp_path / "kinds.csv").write_text("id,kind\ncase_00,JaneDoe\ncase_01,b\ncase_02,JaneDoe\n")
    start = ("compare", one, other, one, "--data", seven_cases, "-o", tmp_path / "out", "--trust-bundle")
    result = medseg(*start, "--groups", f"{tmp_path / 'kinds.csv'}:kind", "--json")

    assert result.code == 0, result.err
    content = json.loads(result.out)
    assert content == json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [bundle["name"] for bundle in content["bundles"]] == ["jane_doe", "second", "jane_doe-2"]
    for bundle, found in zip((one, other), content["bundles"], strict=False):
        scores = tmp_path / bundle.name
        single = medseg("evaluate", "-b", bundle, "--data", seven_cases, "-o", scores, "--trust-bundle", "--no-log")
        assert single.code == 0, single.err
        metrics = json.loads((scores / "metrics.json").read_text())
        assert found["summary"] == metrics["summary"]
        own = {(row["case"], row["class"]): row for row in content["cases"] if row["bundle"] == found["name"]}
        for row in metrics["cases"]:
            for name in metrics["summary"]:
                assert row[name].items() <= own[row["case"], name].items()
        assert 0 < found["memory_before_bytes"] < found["memory_peak_bytes"]
        assert found["parameters"] > 1000
        assert found["weights_bytes"] == (bundle / "models" / "model.pt").stat().st_size

    differences = {(row["bundle"], row["class"], row["measure"]): row for row in content["differences"]}
    dice = {
        name: [row["dice"] for row in content["cases"] if (row["bundle"], row["class"]) == (name, "posterior")]
        for name in ("jane_doe", "second")
    }
    gains = [b - a for a, b in zip(dice["jane_doe"], dice["second"], strict=True)]
    difference = differences["second", "posterior", "dice"]
    assert difference["mean"] == pytest.approx(sum(gains) / 7)
    assert (difference["n"], difference["n_groups"]) == (7, 6)
    low, high = difference["ci95"]
    assert low <= difference["mean"] <= high
    assert difference["verdict"] == ("better" if low > 0 else "worse" if high < 0 else "no difference shown")
    for (name, *_), row in differences.items():
        if name == "jane_doe-2":  # a bundle does not differ from itself
            assert (row["mean"], row["ci95"], row["verdict"]) == (0, [0, 0], "no difference shown")
    assert {name: part["n"] for name, part in content["groups"].items()} == {"JaneDoe": 2, "b": 1}
    assert content["n_patients"] == 6
    assert len(content["worst"]) == 3

    with (tmp_path / "out" / "comparison.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 7 * 3 * 2
    table = (tmp_path / "out" / "comparison.md").read_text()
    assert "| measure | jane_doe | second | jane_doe-2 |" in table
    assert "medseg compare jane_doe second jane_doe-2 --data DIR" in table
    assert str(tmp_path) not in table
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 20_000

    (run,) = logged()
    assert run.info.status == "FINISHED"
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    told = json.dumps([run.data.metrics, run.data.tags, run.data.params])
    told += "".join(path.read_text() for path in artifacts.rglob("*.json"))
    assert "case-" in told
    for name in ("jane", "JaneDoe", "second_", '"second"', "patient_", "case_0"):
        assert name not in told
    assert len({name.split("_")[0] for name in run.data.metrics if name.endswith("anterior_dice_mean")}) == 3

    kept = medseg(*start)
    assert kept.code == 2
    assert "--overwrite" in kept.err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_only_cases_of_the_split_of_every_bundle_are_compared(medseg, tiny_bundle, seven_cases, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(seven_cases, data)
    label = read_label(data / "labelsTr" / "case_01.nii.gz")
    write_label(data / "labelsTr" / "case_01.nii.gz", label.data[0] + 7, label)
    splits = dict.fromkeys(("case_00", "case_01", "case_02"), "test")
    one = tiny_bundle("one", 0, splits, data)
    other = tiny_bundle("other", 1, {**splits, "case_02": "train"}, data)
    compare = ("compare", one, other, "--data", data, "--trust-bundle", "--no-log", "--split", "test")

    result = medseg(*compare, "-o", tmp_path / "out")
    assert result.code == 1
    assert "labelsTr" in result.err
    assert "case_01" in result.err
    assert "too few cases" in result.out
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {row["case"] for row in content["cases"]} == {"case_00"}
    assert content["failed_cases"] == [{"case": "case_01", "bundles": ["one", "other"]}]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "FAILED"

    (data / "imagesTr" / "case_00.nii.gz").unlink()
    none = medseg(*compare, "-o", tmp_path / "none")
    assert none.code == 2
    assert not (tmp_path / "none" / "comparison.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_process_that_died_is_told_and_replaced(tiny_bundle, seven_cases):
    image = seven_cases / "imagesTr" / "case_00.nii.gz"
    with BundleProcess(tiny_bundle("dies", 0), "cpu", trusted_by_user=True, mirror=False) as process:
        assert process.load().device == "cpu"
        before = process.predict(image)
        assert before.label.shape == (18, 20, 16)
        with pytest.raises(UserError, match="nothing"):
            process.predict(Path("nothing.nii.gz"))
        (child,) = (one for one in active_children() if one.is_alive())
        os.kill(child.pid, signal.SIGSTOP)
        threading.Timer(0.5, child.kill).start()
        with pytest.raises(UserError, match="`dies` ended with code -9"):
            process.predict(image)
        assert (process.predict(image).label == before.label).all()
    assert not active_children()


def test_what_cannot_be_compared_is_one_sentence(medseg, tiny_bundle, seven_cases, tmp_path):
    one, other = tiny_bundle("one", 0), tiny_bundle("other", 1)
    metadata = json.loads((other / "configs" / "metadata.json").read_text())
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"]["2"] = "tail"
    (other / "configs" / "metadata.json").write_text(json.dumps(metadata))
    rest = ("--data", seven_cases, "-o", tmp_path / "out", "--no-log")

    classes = medseg("compare", one, other, *rest)
    assert classes.code == 2
    assert "1 anterior, 2 tail" in classes.err
    assert "two bundles or more" in medseg("compare", one, *rest).err
    assert "tracks particles" in medseg("compare", "particle_tracker", "particle_tracker", *rest).err
    assert "particle tracking of nothing" in medseg("compare", one, "particle_tracker", *rest).err
    untrusted = medseg("compare", one, one, *rest)
    assert untrusted.code == 2
    assert "--trust-bundle" in untrusted.err
    assert not (tmp_path / "out" / "comparison.json").exists()
