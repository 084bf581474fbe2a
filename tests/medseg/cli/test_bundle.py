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


def test_the_shipped_bundle_is_whole(medseg):
    result = medseg("bundle", "check", "hippocampus_unet")
    assert result.code == 0
    assert "complete, and it runs" in result.out


def test_a_broken_bundle_is_exit_code_1(medseg, tmp_path):
    bundle = tmp_path / "broken"
    shutil.copytree(find_bundle("hippocampus_unet"), bundle, ignore=shutil.ignore_patterns("*.pt", "LICENSE"))
    result = medseg("bundle", "check", bundle, "--json")
    findings = json.loads(result.out)["findings"]
    assert result.code == 1
    assert any("no weights" in finding["message"] for finding in findings)
    assert {"level": "warning", "message": "LICENSE is absent"} in findings
