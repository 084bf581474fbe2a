from pathlib import Path

import pytest

from medseg.bundle import find_bundle, shipped_bundles
from medseg.errors import UserError


def test_shipped_bundle_is_found_by_its_name() -> None:
    path = find_bundle("hippocampus_unet")
    assert path == shipped_bundles()["hippocampus_unet"]
    assert (path / "configs" / "inference.yaml").is_file()


def test_any_bundle_is_found_by_its_path(bundle: Path) -> None:
    assert find_bundle(str(bundle)) == bundle.resolve()


def test_a_folder_with_the_name_of_a_shipped_bundle_is_not_mistaken_for_it(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.parent)
    with pytest.raises(UserError, match=r"write \./hippocampus_unet for the latter"):
        find_bundle("hippocampus_unet")
    assert find_bundle("./hippocampus_unet") == bundle.resolve()
    monkeypatch.chdir(shipped_bundles()["hippocampus_unet"].parent)
    assert find_bundle("hippocampus_unet") == shipped_bundles()["hippocampus_unet"]


def test_near_name_is_suggested() -> None:
    with pytest.raises(UserError, match="no bundle `hipocampus_unet`: did you mean hippocampus_unet\\?"):
        find_bundle("hipocampus_unet")


def test_far_name_lists_what_there_is() -> None:
    with pytest.raises(UserError, match=r"the shipped ones are .*hippocampus_unet"):
        find_bundle("zzz")


def test_folder_without_metadata_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a MONAI bundle: it has no configs/metadata\.json"):
        find_bundle(str(tmp_path))
