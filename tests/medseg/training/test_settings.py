import json
import shutil
from pathlib import Path

import pytest
import yaml

from medseg.bundle import shipped_bundles
from medseg.cli.copy_bundle import copy_bundle
from medseg.cli.read_overrides import read_overrides
from medseg.errors import UserError
from medseg.training.prepare import prepare_bundle
from medseg.training.settings import (
    TrainingSettings,
    inherited_overrides,
    merge_overrides,
    read_settings,
    write_settings,
)

SHIPPED = shipped_bundles()["hippocampus_unet"]


def prepared(source: Path, target: Path, overlay: str | None, *pairs: str) -> Path:
    """What `medseg train` makes of a bundle before it trains."""
    overrides = read_overrides(source, overlay, None, pairs, trusted_by_user=True)
    prepare_bundle(source, target, None, TrainingSettings(seed=0, overrides=overrides), resume=False)
    return target


def test_a_bundle_trained_from_a_trained_one_trains_the_network_that_it_uses(tmp_path: Path) -> None:
    one = prepared(SHIPPED, tmp_path / "one", "fcn", "roi_size=[32, 48, 32]", "max_epochs=3")
    two = prepared(one, tmp_path / "two", None)
    inference = yaml.safe_load((two / "configs" / "inference.yaml").read_text())
    settings = read_settings(two, trusted_by_user=True)
    assert settings is not None
    assert inference["network_def"] == settings.overrides["network_def"]
    assert inference["network_def"]["_target_"] == "medseg.networks.fcn.FCN8s"
    assert inference["roi_size"] == settings.overrides["roi_size"] == [32, 48, 32]
    assert settings.overrides["encoder"] == r"stages\."
    assert "max_epochs" not in settings.overrides  # how long it took says nothing of how long the next one takes


def test_what_is_given_goes_before_what_is_inherited(tmp_path: Path) -> None:
    one = prepared(SHIPPED, tmp_path / "one", "fcn", "network_def#fc_width=32")
    again = read_overrides(one, "segnet", None, [], trusted_by_user=True)
    assert again["network_def"]["_target_"] == "medseg.networks.segnet.SegNet"
    assert "network_def#fc_width" not in again
    assert (
        read_overrides(one, None, None, ["network_def#fc_width=8"], trusted_by_user=True)["network_def#fc_width"] == 8
    )


def test_a_whole_key_takes_away_former_parts_and_a_part_comes_after_its_whole() -> None:
    assert merge_overrides({"a#x": 1, "b": 2}, {"a": {}}) == {"b": 2, "a": {}}
    assert list(merge_overrides({"a#x": 1, "a": {}}, {"a#x": 2})) == ["a", "a#x"]
    assert merge_overrides() == {}


def test_a_copy_and_an_export_keep_the_settings(tmp_path: Path) -> None:
    from medseg.bundle.export_archive import export_archive
    from medseg.bundle.import_archive import import_archive

    one = shutil.copytree(SHIPPED, tmp_path / "one")
    write_settings(TrainingSettings(seed=3, overrides={"roi_size": [32, 48, 32]}), one)
    copy_bundle(one, tmp_path / "copy")
    export_archive(one, tmp_path / "one.zip")
    import_archive(tmp_path / "one.zip", tmp_path / "imported")
    for folder in ("copy", "imported"):
        assert inherited_overrides(tmp_path / folder, trusted_by_user=False) == {"roi_size": [32, 48, 32]}
        assert [path.name for path in (tmp_path / folder / "train").iterdir()] == ["settings.json"]
    copy_bundle(SHIPPED, tmp_path / "copy")
    assert inherited_overrides(tmp_path / "copy", trusted_by_user=False) == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"seed": "x", "overrides": {}}, "is damaged"),
        ({"seed": 0, "overrides": {"output_dir": "/elsewhere"}}, "sets output_dir, which follows from the options"),
        ({"seed": 0, "overrides": {"network_def": {"_target_": "os.system"}}}, "expressions that can run code"),
    ],
)
def test_settings_of_a_stranger_do_nothing(tmp_path: Path, content: object, told: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "settings.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=told):
        read_settings(tmp_path, trusted_by_user=False)
