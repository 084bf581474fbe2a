import json
import shutil
from zipfile import ZipFile

from medseg.bundle import find_bundle


def test_list_and_show(medseg):
    listed = json.loads(medseg("bundle", "list", "--json").out)["bundles"]
    assert "hippocampus_unet" in [row["name"] for row in listed]
    shown = json.loads(medseg("bundle", "show", "hippocampus_unet", "--json").out)
    assert shown["classes"] == {"1": "anterior", "2": "posterior"}
    assert len(shown["weights_sha256"]) == 64
    assert "CC-BY-SA" in medseg("bundle", "show", "hippocampus_unet").out


def test_list_and_show_a_tracker(medseg):
    assert "particle_tracker" in [row["name"] for row in json.loads(medseg("bundle", "list", "--json").out)["bundles"]]
    shown = json.loads(medseg("bundle", "show", "particle_tracker", "--json").out)
    assert shown["kind"] == "particle tracking"
    assert shown["classes"] is None
    assert "Apache-2.0" in medseg("bundle", "show", "particle_tracker").out


def test_the_shipped_bundle_is_whole(medseg):
    result = medseg("bundle", "check", "hippocampus_unet")
    assert result.code == 0
    assert "complete, and it runs" in result.out


def test_the_shipped_tracker_runs_and_what_does_not_apply_to_it_is_shown(medseg, logged):
    result = medseg("bundle", "check", "particle_tracker")
    assert result.code == 0, result.out
    assert "not applicable" in result.out
    assert "error" not in result.out
    findings = json.loads(medseg("bundle", "check", "particle_tracker", "--json", "--no-log").out)
    assert findings["ok"]
    levels = [finding["level"] for finding in findings["findings"]]
    assert levels.count("not applicable") >= 5
    # They are no warnings, of which the run counts only the true ones.
    (run,) = logged()
    assert (run.data.metrics["errors"], run.data.metrics["warnings"]) == (0, levels.count("warning"))


def test_a_broken_bundle_is_exit_code_1(medseg, tmp_path):
    bundle = tmp_path / "broken"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle, ignore=shutil.ignore_patterns("*.pt", "LICENSE"))
    result = medseg("bundle", "check", bundle, "--json")
    findings = json.loads(result.out)["findings"]
    assert result.code == 1
    assert any("no weights" in finding["message"] for finding in findings)
    assert {"level": "warning", "message": "LICENSE is absent"} in findings


def test_a_bundle_goes_out_and_comes_back_and_segments(medseg, crop_file, tmp_path, logged):
    archive, target = tmp_path / "out" / "Meier.zip", tmp_path / "Meier"
    exported = medseg("bundle", "export", "hippocampus_unet", "-o", archive, "--json")
    facts = json.loads(exported.out)
    assert facts["bytes"] == archive.stat().st_size
    assert facts["left_out"] == []
    imported = medseg("bundle", "import", archive, "-o", target)
    assert f"{facts['files']} files, as their checksums say" in imported.err
    assert "ships with medseg, so it runs as it is" in imported.err
    shown = (json.loads(medseg("bundle", "show", name, "--json").out) for name in (target, "hippocampus_unet"))
    assert len({item["weights_sha256"] for item in shown}) == 1
    assert medseg("segment", crop_file, "--bundle", target, "-o", tmp_path / "labels").code == 0
    assert (tmp_path / "labels" / "crop_seg.nii.gz").is_file()
    first, second, _ = logged()
    assert [run.data.tags["command"] for run in (first, second)] == ["bundle export", "bundle import"]
    assert first.data.tags["model"] == "hippocampus_unet"
    assert first.data.metrics["files"] == second.data.metrics["files"] == facts["files"]
    assert second.data.metrics["trusted"] == 1
    for run in (first, second):
        assert "Meier" not in str(run.data.tags | run.data.params)


def test_a_tracker_goes_out_and_comes_back(medseg, tmp_path):
    assert medseg("bundle", "export", "particle_tracker", "-o", tmp_path / "t.zip", "--no-log").code == 0
    imported = medseg("bundle", "import", tmp_path / "t.zip", "-o", tmp_path / "t", "--no-log", "--json")
    assert json.loads(imported.out)["trusted"]
    assert medseg("bundle", "check", tmp_path / "t", "--no-log").code == 0


def test_what_stays_behind_is_named_and_outputs_are_kept(medseg, tmp_path):
    bundle = shutil.copytree(find_bundle("hippocampus_unet"), tmp_path / "mine")
    (bundle / "run.json").touch()
    assert "Left out: run.json" in medseg("bundle", "export", bundle, "-o", tmp_path / "a.zip", "--no-log").err
    for arguments in (["export", bundle, "-o", tmp_path / "a.zip"], ["import", tmp_path / "a.zip", "-o", bundle]):
        kept = medseg("bundle", *arguments, "--no-log")
        assert kept.code == 2
        assert "exists and is kept: pass --overwrite" in kept.err
        assert medseg("bundle", *arguments, "--no-log", "--overwrite").code == 0
    assert not (bundle / "run.json").exists()


def test_a_strangers_bundle_is_imported_with_a_warning(medseg, tmp_path):
    bundle = shutil.copytree(find_bundle("hippocampus_unet"), tmp_path / "theirs")
    (bundle / "scripts").mkdir()
    (bundle / "scripts" / "net.py").touch()
    medseg("bundle", "export", bundle, "-o", tmp_path / "a.zip", "--no-log")
    imported = medseg("bundle", "import", tmp_path / "a.zip", "-o", tmp_path / "back", "--no-log")
    assert imported.code == 0
    assert "read them, then pass --trust-bundle" in imported.err


def test_a_hostile_archive_is_one_sentence_and_a_failed_run(medseg, tmp_path, logged):
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../evil", "")
    result = medseg("bundle", "import", tmp_path / "a.zip", "-o", tmp_path / "deep" / "back")
    assert result.code == 2
    assert "the name '../evil' leads out of the folder" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    (run,) = logged()
    assert run.info.status == "FAILED"


def test_a_bundle_without_weights_is_not_exported(medseg, tmp_path):
    bundle = shutil.copytree(find_bundle("hippocampus_unet"), tmp_path / "b", ignore=shutil.ignore_patterns("*.pt"))
    result = medseg("bundle", "export", bundle, "-o", tmp_path / "a.zip", "--no-log")
    assert result.code == 2
    assert "models/model.pt is absent; train it first" in result.err
    assert not (tmp_path / "a.zip").exists()


def test_the_list_says_what_each_was_measured_at(medseg):
    rows = {row["name"]: row for row in json.loads(medseg("bundle", "list", "--json").out)["bundles"]}
    assert rows["hippocampus_unet"]["measured"] == "Dice 0.891, 0.878"
    assert rows["nuclei_unet"]["measured"] == "AP at IoU .5 0.742"
    assert rows["particle_tracker"]["measured"] is None


def test_an_archive_is_a_zip_by_name(medseg, tmp_path):
    result = medseg("bundle", "export", "hippocampus_unet", "-o", tmp_path / "unet.tar", "--no-log")
    assert result.code == 2
    assert "must end in .zip" in result.err
    assert not list(tmp_path.iterdir())
