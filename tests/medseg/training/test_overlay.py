import pytest

from medseg.bundle import shipped_bundles
from medseg.errors import UserError
from medseg.training.freeze import freeze
from medseg.training.overlay import read_overlay
from medseg.training.workflow import merged_config

OVERLAYS = [
    (name, path.stem)
    for name, folder in shipped_bundles().items()
    for path in sorted((folder / "configs").glob("*.yaml"))
    if path.stem not in ("train", "inference", "evaluate", "multi_gpu_train")
]


@pytest.mark.parametrize(("bundle", "overlay"), OVERLAYS)
def test_an_overlay_changes_the_train_config_to_one_that_can_be_built(bundle, overlay):
    from monai.bundle import ConfigParser

    source = shipped_bundles()[bundle]
    config = merged_config(read_overlay(overlay, source), source)
    plain = merged_config({}, source)
    assert config.keys() == plain.keys()
    assert config["network_def"] != plain["network_def"]
    parser = ConfigParser(config)
    freeze(parser.get_parsed_content("network_def"), config["encoder"])  # matches some parameters, not all
    assert callable(parser.get_parsed_content("loss"))


@pytest.mark.parametrize(("name", "told"), [("fnc", "did you mean fcn"), ("train", "it has"), ("../x", "it has")])
def test_an_unknown_overlay_is_named(name, told):
    with pytest.raises(UserError, match=told):
        read_overlay(name, shipped_bundles()["hippocampus_unet"])


def test_an_overlay_of_comments_changes_nothing_and_a_damaged_one_is_a_sentence(tmp_path):
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "mine.yaml"
    path.write_text("# nothing yet\n")
    assert read_overlay("mine", tmp_path) == {}
    for damaged, told in (("a: [", "must be YAML"), ("- a", "must hold keys")):
        path.write_text(damaged)
        with pytest.raises(UserError, match=told):
            read_overlay("mine", tmp_path)


def test_a_bundle_without_a_train_config_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"has no configs/train\.yaml, so it cannot be trained"):
        merged_config({}, tmp_path)
