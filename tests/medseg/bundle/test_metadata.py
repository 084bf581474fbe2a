import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medseg.bundle import read_metadata, shipped_bundles
from medseg.errors import UserError

Content = dict[str, Any]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Callable[[Content], object]], Path]:
    """A folder with the shipped metadata, changed by a function."""

    def edit(change: Callable[[Content], object]) -> Path:
        content = json.loads((shipped_bundles()["hippocampus_unet"] / "configs" / "metadata.json").read_text())
        change(content)
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "metadata.json").write_text(json.dumps(content))
        return tmp_path

    return edit


@pytest.mark.parametrize("name", shipped_bundles())
def test_shipped_metadata_is_valid_and_complete(name: str) -> None:
    # What was measured comes with the weights.
    assert set(read_metadata(shipped_bundles()[name]).recommended_but_absent) <= {"eval_metrics"}


def test_classes_are_the_channels_without_background() -> None:
    metadata = read_metadata(shipped_bundles()["hippocampus_unet"])
    assert metadata.classes == {1: "anterior", 2: "posterior"}
    assert metadata.image.num_channels == 1


def test_every_broken_key_is_named(edited: Callable[..., Path]) -> None:
    def break_three(content: Content) -> None:
        del content["authors"]
        content["monai_version"] = "newest"
        content["network_data_format"]["inputs"]["image"]["num_channels"] = 0

    with pytest.raises(UserError) as caught:
        read_metadata(edited(break_three))
    message = str(caught.value)
    assert "authors: Field required" in message
    assert "monai_version: " in message
    assert "network_data_format.inputs.image.num_channels: " in message


def test_version_must_be_in_the_changelog(edited: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"version 9\.9\.9 must be a key of changelog"):
        read_metadata(edited(lambda content: content.update(version="9.9.9")))


def test_every_channel_needs_a_name(edited: Callable[..., Path]) -> None:
    def drop(content: Content) -> None:
        del content["network_data_format"]["outputs"]["pred"]["channel_def"]["2"]

    with pytest.raises(UserError, match="channel_def must name 3 channels, it names 2"):
        read_metadata(edited(drop))


def test_absent_recommended_sections_are_listed(edited: Callable[..., Path]) -> None:
    def drop(content: Content) -> None:
        del content["intended_use"]
        content["references"] = []

    assert {"intended_use", "references"} <= set(read_metadata(edited(drop)).recommended_but_absent)


def test_unknown_keys_are_allowed_as_in_the_specification(edited: Callable[..., Path]) -> None:
    assert read_metadata(edited(lambda content: content.update(homepage="https://example.org"))).version


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be JSON"), ("[]", "breaks MONAI's bundle specification"), ("\udcff", "must be JSON")],
)
def test_what_is_no_metadata_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=message):
        read_metadata(tmp_path)


def test_absent_metadata_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metadata\.json` cannot be read: No such file"):
        read_metadata(tmp_path)


def test_a_bundle_that_tracks_has_no_classes_and_needs_no_words_on_images(edited: Callable[..., Path]) -> None:
    def track(content: Content) -> None:
        content["medseg_kind"] = "particle tracking"
        for name in ("data_type", "image_classes", "label_classes", "pred_classes"):
            del content[name]

    metadata = read_metadata(edited(track))
    assert not metadata.segments
    assert metadata.classes == {}
    assert metadata.recommended_but_absent == []


def test_an_unknown_kind_of_bundle_is_one_sentence(edited: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="medseg_kind: Input should be 'segmentation', 'instance segmentation' or"):
        read_metadata(edited(lambda content: content.update(medseg_kind="karaoke")))
