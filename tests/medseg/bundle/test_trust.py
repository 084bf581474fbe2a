import json
from pathlib import Path

import pytest

from medseg.bundle import load_bundle
from medseg.bundle.check import check_bundle
from medseg.bundle.trust import is_live, is_trusted
from medseg.errors import UserError


def test_copy_of_a_shipped_bundle_with_other_weights_is_trusted(bundle: Path) -> None:
    assert is_trusted(bundle)


def test_plain_text_in_the_metadata_may_differ(bundle: Path) -> None:
    set_description(bundle, "Mine, for $100")
    assert is_trusted(bundle)


def set_description(bundle: Path, text: object) -> None:
    path = bundle / "configs" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"description": text}))


@pytest.mark.parametrize("text", ["$print(1)", " $print(1)", "@network", "%other.json::x", "\t$print(1)"])
def test_text_that_monai_would_evaluate_is_not_trusted(bundle: Path, text: str) -> None:
    set_description(bundle, text)
    assert not is_trusted(bundle)


def test_component_in_the_metadata_is_not_trusted(bundle: Path) -> None:
    set_description(bundle, {"_target_": "os.system", "command": "true"})
    assert not is_trusted(bundle)


def test_broken_metadata_is_not_trusted(bundle: Path) -> None:
    (bundle / "configs" / "metadata.json").write_text("{")
    assert not is_trusted(bundle)


def test_text_that_hides_its_dollar_in_an_escape_is_not_trusted(bundle: Path) -> None:
    path = bundle / "configs" / "metadata.json"
    path.write_text(path.read_text().replace('"description": "', '"description": "\\u0024'))
    assert json.loads(path.read_text())["description"].startswith("$")
    assert not is_trusted(bundle)


@pytest.mark.parametrize("name", ["inference.yaml", "train.yaml", "multi_gpu_train.yaml", "logging.conf"])
def test_one_changed_byte_in_a_config_ends_the_trust(bundle: Path, name: str) -> None:
    path = bundle / "configs" / name
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert not is_trusted(bundle)


@pytest.mark.parametrize("name", ["evil.py", "docs/evil.py", "scripts/deep/evil.pyc", "models/evil.so", "evil.PY"])
def test_code_anywhere_ends_the_trust(bundle: Path, name: str) -> None:
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).touch()
    assert not is_trusted(bundle)


def test_absent_and_added_configs_end_the_trust(bundle: Path) -> None:
    (bundle / "configs" / "train.yaml").rename(bundle / "configs" / "train.json")
    assert not is_trusted(bundle)


def test_hostile_bundle_is_refused_before_anything_of_it_runs(bundle: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    config = bundle / "configs" / "inference.yaml"
    config.write_text(config.read_text().replace("spatial_dims: 3", f"spatial_dims: $open('{made}', 'w') and 3", 1))
    with pytest.raises(UserError, match="can run any code and did not ship with medseg"):
        load_bundle(bundle, "cpu")
    check_bundle(bundle)
    assert not made.exists()
    # The file does appear once the user trusts the bundle: the test above watches the right thing.
    load_bundle(bundle, "cpu", trusted_by_user=True)
    assert made.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"_target_": "os.system"},
        {"network_def#_target_": "os.system"},
        {"network_def::_target_": "os.system"},
        {"a": [{"b#$c": 1}]},
        {"a": "$1 + 1"},
        {"%other": 1},
    ],
)
def test_whatever_monai_would_build_or_evaluate_is_live(content):
    assert is_live(content)


def test_plain_settings_are_not_live():
    assert not is_live({"network_def#channels": [4, 8], "max_epochs": 2, "note": "costs 3 $"})
