import re

import numpy as np
import pytest
import torch

from medseg.bundle import load_bundle, read_manifest, read_metadata, segment, shipped_bundles
from medseg.bundle.weights import find_weights, read_weights
from medseg.io import Image

SEGMENTERS = {name: path for name, path in shipped_bundles().items() if read_metadata(path).segments}
TASKS = sorted({name.partition("_")[0] for name in SEGMENTERS})
LIMIT_MB, LIMIT_PARAMETERS = 20, 5_000_000


@pytest.mark.parametrize("name", SEGMENTERS)
def test_weights_are_small(name):
    weights = find_weights(SEGMENTERS[name])
    tensors = read_weights(weights).values()
    assert weights.stat().st_size < LIMIT_MB * 1e6
    assert sum(tensor.numel() for tensor in tensors if tensor.is_floating_point()) <= LIMIT_PARAMETERS


@pytest.mark.parametrize("name", SEGMENTERS)
def test_the_test_part_trained_and_chose_nothing(name):
    cases = read_manifest(SEGMENTERS[name]).cases
    assert {case.split for case in cases if case.part == 0} == {"test"}
    assert {case.split for case in cases if case.part > 0} == {"train", "validation"}
    seen = {case.image_sha256 for case in cases if case.split != "test"}
    assert not seen & {case.image_sha256 for case in cases if case.split == "test"}


@pytest.mark.parametrize("name", SEGMENTERS)
def test_an_image_comes_back_as_a_label_on_its_own_grid(name):
    bundle = load_bundle(SEGMENTERS[name], "cpu")
    sides = (41, 37, 33)[: len(bundle.metadata.image.spatial_shape)]
    noise = np.random.default_rng(0).normal(size=(bundle.metadata.channels[0], *sides)).astype(np.float32)
    threads = torch.get_num_threads()
    label = segment(bundle, Image(noise, np.eye(len(sides) + 1), ".nrrd"))
    assert label.shape == sides
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("config", ["train", "inference", "evaluate", "multi_gpu_train"])
@pytest.mark.parametrize("task", TASKS)
def test_bundles_of_one_task_differ_in_their_network_alone(task, config):
    """One recipe for all: what the configs say beyond network, its encoder and the length of the training is shared."""
    texts = {
        name: _without_network((path / "configs" / f"{config}.yaml").read_text(), name)
        for name, path in SEGMENTERS.items()
        if name.startswith(f"{task}_")
    }
    first = texts[f"{task}_unet"]
    assert all(text == first for text in texts.values()), [name for name, text in texts.items() if text != first]


def _without_network(text, name):
    text = re.sub(r"network_def:\n(?:  .*\n)+", "", text)
    return re.sub(r"(?m)^(max_epochs|encoder): .+$", "", text).replace(name, "NAME")


@pytest.mark.parametrize("config", ["train", "inference", "evaluate"])
@pytest.mark.parametrize("name", [name for name in SEGMENTERS if name.startswith("nuclei_")])
def test_a_picture_with_a_palette_is_read_in_its_colours(name, config, tmp_path):
    from monai.bundle import ConfigParser
    from PIL import Image as Picture

    colours = Picture.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)).quantize(8)
    colours.save(tmp_path / "palette.png")
    colours.convert("RGB").save(tmp_path / "colours.png")
    parser = ConfigParser()
    files = ("train",) if config == "train" else ("inference", config)
    parser.read_config([str(SEGMENTERS[name] / "configs" / f"{file}.yaml") for file in dict.fromkeys(files)])
    key = "train#deterministic_transforms#0" if config == "train" else "preprocessing#transforms#0"
    load = parser.get_parsed_content(key)
    first, second = (load({"image": str(tmp_path / f"{kind}.png")})["image"] for kind in ("palette", "colours"))
    assert first.shape == (8, 8, 3)
    assert torch.equal(first.as_tensor(), second.as_tensor())
