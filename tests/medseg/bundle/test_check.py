from pathlib import Path

import pytest

from medseg.bundle.check import Finding, check_bundle


def errors(findings: list[Finding]) -> list[str]:
    return [finding.message for finding in findings if finding.level == "error"]


def warnings(findings: list[Finding]) -> list[str]:
    return [finding.message for finding in findings if finding.level == "warning"]


@pytest.fixture
def whole(bundle: Path) -> Path:
    """The bundle with every file of the model zoo's form, whatever the checkout has of them yet."""
    (bundle / "docs").mkdir(exist_ok=True)
    for name in ("LICENSE", "docs/README.md", "docs/data_license.txt"):
        (bundle / name).write_text("text\n")
    return bundle


def test_whole_bundle_lacks_nothing_but_what_was_measured(whole: Path) -> None:
    findings = check_bundle(whole)
    assert errors(findings) == []
    assert set(warnings(findings)) <= {"metadata.json has no eval_metrics"}


@pytest.mark.parametrize("name", ["LICENSE", "docs/README.md", "docs/data_license.txt"])
def test_absent_file_of_the_model_zoo_is_a_warning(untrusted: Path, name: str) -> None:
    (untrusted / name).unlink()
    assert f"{name} is absent" in warnings(check_bundle(untrusted))


@pytest.fixture
def untrusted(whole: Path) -> Path:
    """The whole bundle, with a script in it, so that its configs are read but not run."""
    (whole / "scripts").mkdir(exist_ok=True)
    (whole / "scripts" / "own.py").touch()
    return whole


def test_configs_of_a_stranger_are_not_run(untrusted: Path) -> None:
    assert "the configs were not run: read them, then pass --trust-bundle" in warnings(check_bundle(untrusted))


def test_absent_weights_are_an_error(untrusted: Path) -> None:
    (untrusted / "models" / "model.pt").unlink()
    (message,) = errors(check_bundle(untrusted))
    assert "has no weights: models/model.pt is absent" in message


def test_broken_metadata_is_an_error(untrusted: Path) -> None:
    (untrusted / "configs" / "metadata.json").write_text("{}")
    (message,) = errors(check_bundle(untrusted))
    assert "breaks MONAI's bundle specification" in message


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("out_channels: 3", "out_channels: 4", "does not hold the weights of this bundle's network"),
        ("inferer:\n", "other_inferer:\n", "inferer"),
        ("  - _target_: Invertd\n", "  - _target_: Invertdd\n", "Invertdd"),
    ],
    ids=["other network", "no inferer", "unknown transform"],
)
def test_broken_inference_config_is_an_error(whole: Path, old: str, new: str, complaint: str) -> None:
    config = whole / "configs" / "inference.yaml"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new, 1))
    messages = errors(check_bundle(whole, trusted_by_user=True))
    assert any(complaint in message for message in messages), messages
    assert all("\n" not in message for message in messages)


def test_broken_train_config_is_an_error(whole: Path) -> None:
    config = whole / "configs" / "train.yaml"
    config.write_text(config.read_text().replace("network: $@network_def", "net: $@network_def", 1))
    assert len(errors(check_bundle(whole, trusted_by_user=True))) == 1


def test_untidy_files_are_warnings(untrusted: Path) -> None:
    (untrusted / "docs" / "README.md").write_text("see /home/jane/data")
    (untrusted / "models" / "old.pt").write_bytes(bytes(26 * 2**20))
    found = warnings(check_bundle(untrusted))
    assert "docs/README.md holds a personal path" in found
    assert "models/old.pt has 26 MiB, the model zoo's limit is 25" in found
    assert any(message.startswith("models/ holds several .pt files") for message in found)


def test_link_is_an_error(untrusted: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (untrusted / "docs" / "link.txt").symlink_to(tmp_path / "elsewhere")
    assert errors(check_bundle(untrusted)) == ["docs/link.txt is a link; a bundle holds plain files only"]


def not_applicable(findings: list[Finding]) -> str:
    return "\n".join(finding.message for finding in findings if finding.level == "not applicable")


def test_what_only_images_need_does_not_apply_to_a_tracker(tracker: Path) -> None:
    findings = check_bundle(tracker)
    assert errors(findings) == []
    assert set(warnings(findings)) <= {"metadata.json has no eval_metrics"}
    for name in ("label_classes", "`image`", "sliding window", "dataset_dir", "train_inferer", "MONAI Label"):
        assert name in not_applicable(findings)


def test_nothing_is_not_applicable_to_a_bundle_that_segments(untrusted: Path) -> None:
    assert not not_applicable(check_bundle(untrusted))


@pytest.mark.parametrize(
    ("config", "old", "new", "complaint"),
    [
        ("inference", "inferer:\n", "other_inferer:\n", "inferer"),
        ("inference", "weights.load_weights", "weights.load_wights", "load_wights"),
        ("inference", "tracking.dpht.link_inferer.LinkInferer", "SimpleInferer", "depth"),
        ("inference", "depth: null", "depth: 99", "`depth` must be a whole number from 1 to"),
        ("evaluate", "evaluator:\n", "dataset:\n", "dataset"),
        ("evaluate", "depth: 3", "depth: 99", "`depth` must be a whole number from 1 to"),
        ("train", "    train_data_loader: '@train#dataloader'\n", "", "train_data_loader"),
        ("train", "stream: training", "stream: holiday", "`stream` must be one of training, validation, evaluation"),
        ("train", "\n  dataset:\n", "\n  data_set:\n", "dataset"),
    ],
)
def test_a_broken_config_of_a_tracker_is_an_error(
    tracker: Path, config: str, old: str, new: str, complaint: str
) -> None:
    path = tracker / "configs" / f"{config}.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    messages = errors(check_bundle(tracker, trusted_by_user=True))
    assert any(complaint in message for message in messages), messages
    assert all("\n" not in message for message in messages)


def write(path: Path, **change: object) -> None:
    import torch

    content = torch.load(path, weights_only=True)
    torch.save(content | change, path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda path: write(path, format=99), "format 99, this version reads"),
        (lambda path: write(path, settings={"hidden": 12, "cell": "gru"}), "do not fit the recurrent tracker"),
        (lambda path: write(path, state={}), "do not fit the recurrent tracker"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "is damaged or holds no weights"),
    ],
    ids=["other version", "other size", "nothing in it", "cut off"],
)
def test_bad_weights_of_a_tracker_are_one_sentence(tracker: Path, change: object, complaint: str) -> None:
    change(tracker / "models" / "model.pt")
    messages = errors(check_bundle(tracker))
    assert sum(complaint in message for message in messages) == 1, messages
    assert all("\n" not in message for message in messages)
