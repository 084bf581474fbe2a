import csv
import json

import numpy as np
import pytest

from medseg.bundle import find_bundle, read_metadata, shipped_bundles
from medseg.io import Image, read_image, read_label, write_image

SMALL = [
    *("--set", "max_epochs=2", "--set", "val_interval=1", "--set", "batch_size=2", "--set", "roi_size=[32, 32]"),
    *("--set", "network_def#channels=[4, 8]", "--set", "network_def#strides=[2]"),
]


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """`nuclei_unet`, small and hardly trained."""
    import sys

    from medseg.cli.app import main

    output = tmp_path_factory.mktemp("trained") / "bundle"
    arguments = ["train", "nuclei_unet", "--data", str(pictures), "--output", str(output), "--no-log", *SMALL]
    before, sys.argv = sys.argv, ["medseg", *arguments]
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        sys.argv = before
    assert not stop.value.code
    return output


def test_a_trained_bundle_knows_its_kind_and_what_pictures_it_takes(trained):
    metadata = json.loads((trained / "configs" / "metadata.json").read_text())
    assert metadata["medseg_kind"] == "instance segmentation"
    assert metadata["expected_input"]["channels"] == [1, 3, 4]


def test_pictures_in_gray_and_in_colour_give_numbered_objects(medseg, pictures, trained, tmp_path):
    done = medseg(
        *("segment", pictures / "images" / "p00.png", pictures / "images" / "p01.png"),
        *("-b", trained, "-o", tmp_path, "--trust-bundle", "--json", "--no-log"),
    )
    assert done.code == 0, done.err
    for result in json.loads(done.out)["results"]:
        label = read_label(tmp_path / f"{result['case']}_seg.png")
        assert np.unique(label.data).tolist() == list(range(result["objects"] + 1))
        assert label.spatial_shape == read_image(pictures / "images" / f"{result['case']}.png").spatial_shape


def test_objects_are_scored_over_all_and_by_group(medseg, pictures, trained, tmp_path):
    done = medseg(
        *("evaluate", "-b", trained, "--data", pictures, "-o", tmp_path, "--split", "test", "--trust-bundle"),
        *("--groups", f"{pictures / 'kinds.csv'}:kind", "--json", "--no-log"),
    )
    assert done.code == 0, done.err
    metrics = json.loads(done.out)
    assert list(metrics["summary"]) == ["nucleus"]
    assert metrics["objects"]["n"] == 3
    assert sum(part["objects"]["n"] for part in metrics["groups"].values()) == 3
    with (tmp_path / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"ap_0.50", "pq", "n_reference"} <= rows[0].keys()
    mean = np.mean([float(row["ap_0.50"]) for row in rows])
    assert metrics["objects"]["ap50_mean"] == pytest.approx(mean)


def test_four_channels_pass_and_two_are_refused(medseg, trained, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (4, 40, 40)).astype(np.uint8)
    write_image(tmp_path / "four.png", Image(noise, np.eye(3), ".png"))
    write_image(tmp_path / "two.nrrd", Image(noise[:2], np.eye(3), ".nrrd"))
    done = medseg(
        *("segment", tmp_path / "four.png", tmp_path / "two.nrrd", "-b", trained, "-o", tmp_path / "out"),
        *("--trust-bundle", "--no-log"),
    )
    assert done.code == 1
    assert "takes 1 or 3 or 4 channels, got 2" in done.err


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("kinds.csv", "FILE.csv:COLUMN"),
        ("absent.csv:kind", "cannot be read"),
        ("kinds.csv:colour", "has no column `colour`"),
    ],
)
def test_bad_groups_are_named(medseg, pictures, trained, tmp_path, groups, told):
    name, colon, column = groups.partition(":")
    done = medseg(
        *(
            "evaluate",
            "-b",
            trained,
            "--data",
            pictures,
            "-o",
            tmp_path,
            "--groups",
            f"{pictures / name}{colon}{column}",
        ),
        *("--trust-bundle", "--no-log"),
    )
    assert done.code == 2
    assert told in done.err


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bundle", [name for name in shipped_bundles() if name.startswith("nuclei_")])
def test_held_out_images_give_the_numbers_of_the_card(medseg, shared_data, tmp_path, bundle):
    data = shared_data / "dsb2018_nuclei"
    groups = ("--groups", f"{data / 'index.csv'}:modality_guess")
    result = medseg("evaluate", "-b", bundle, "--data", data, "--split", "test", *groups, "-o", tmp_path, "--no-log")

    assert result.code == 0, result.err
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    card = read_metadata(find_bundle(bundle)).eval_metrics
    readme = (find_bundle(bundle) / "docs" / "README.md").read_text()
    assert card
    every, fluorescence = metrics["objects"], metrics["groups"]["fluorescence"]["objects"]
    assert (every["n"], fluorescence["n"]) == (card["n"], card["fluorescence_n"]) == (105, 86)
    for measure in ("ap50_mean", "pq_mean"):
        assert every[measure] == pytest.approx(card[measure], abs=3e-3)
        assert fluorescence[measure] == pytest.approx(card[f"fluorescence_{measure}"], abs=3e-3)
        assert f"{card[measure]:.3f} | {card[f'fluorescence_{measure}']:.3f}" in readme
    # The bar of all; that on fluorescence, .80, is missed by the networks that were trained no longer than the U-Net.
    assert every["ap50_mean"] > 0.7
    assert fluorescence["ap50_mean"] > (0.8 if bundle == "nuclei_unet" else 0.7)
