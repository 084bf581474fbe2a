import json
import shutil

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
