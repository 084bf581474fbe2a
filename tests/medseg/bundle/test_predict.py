from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from medseg.bundle import BundleMetadata, LoadedBundle, predict, segment
from medseg.bundle.outputs import network_outputs
from medseg.bundle.sections import Calibration, Postprocessing
from medseg.errors import UserError
from medseg.io import Image

Make = Callable[..., Image]
SHAPE = (12, 14, 10)


class TwoClasses(torch.nn.Module):
    """A network in one line: the logit of class 1 is the normalised grey value, and of its right neighbour."""

    def __init__(self, gain: float = 1.0, lopsided: bool = False) -> None:
        super().__init__()
        self.gain, self.lopsided = gain, lopsided

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        value = image + image.roll(1, 2) if self.lopsided else image
        return torch.cat([torch.zeros_like(value), self.gain * value, -torch.ones_like(value)], 1)


@pytest.fixture
def image(volume: Make) -> Image:
    return volume(SHAPE, np.diag([1.0, 1.2, 2.0, 1.0]))


@pytest.fixture
def simple(loaded: LoadedBundle) -> LoadedBundle:
    return with_network(loaded, TwoClasses())


def with_network(bundle: LoadedBundle, network: torch.nn.Module) -> LoadedBundle:
    return replace(bundle, network=network, inferer=lambda inputs, network: network(inputs))


def with_metadata(bundle: LoadedBundle, **sections: object) -> LoadedBundle:
    return replace(bundle, metadata=bundle.metadata.model_copy(update=sections))


def calibrated(bundle: LoadedBundle, temperature: float) -> LoadedBundle:
    section = Calibration(temperature=temperature, fitted_on="validation", n=1, ece_before=0.1, ece_after=0.05)
    return with_metadata(bundle, calibration=section)


def test_an_ensemble_of_one_is_the_bundle(loaded: LoadedBundle, image: Image) -> None:
    prediction = predict([loaded], image, uncertainty=True)
    label = segment(loaded, image)
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(prediction.label, label)
    assert prediction.probabilities is not None
    np.testing.assert_array_equal(prediction.probabilities.argmax(0), label)
    np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(
        prediction.entropy, entropy(prediction.probabilities.astype(np.float64), axis=0) / np.log(3), atol=1e-5
    )
    assert prediction.mutual_information is None


def test_an_ensemble_is_the_mean_of_the_probabilities_of_its_members(simple: LoadedBundle, image: Image) -> None:
    other = with_network(simple, TwoClasses(gain=-0.2))
    first, second = predict([simple], image, uncertainty=True), predict([other], image, uncertainty=True)
    both = predict([simple, other], image, uncertainty=True)
    mean = (first.probabilities + second.probabilities) / 2
    np.testing.assert_allclose(both.probabilities, mean, atol=1e-6)
    np.testing.assert_array_equal(both.label, mean.argmax(0))
    assert both.entropy is not None
    np.testing.assert_allclose(
        both.mutual_information, (both.entropy - (first.entropy + second.entropy) / 2).clip(0), atol=1e-5
    )
    assert both.mutual_information is not None
    assert both.mutual_information.max() > 0.01


def test_identical_members_change_nothing_and_do_not_disagree(simple: LoadedBundle, image: Image) -> None:
    prediction = predict([simple, simple], image, uncertainty=True)
    np.testing.assert_array_equal(prediction.label, segment(simple, image))
    np.testing.assert_allclose(prediction.mutual_information, 0, atol=1e-6)


def test_mirror_images_are_averaged_by_hand(simple: LoadedBundle, image: Image) -> None:
    lopsided = with_network(simple, TwoClasses(gain=2.0, lopsided=True))
    with torch.inference_mode():
        items = [lopsided.to_probabilities(item)["pred"] for item in network_outputs(lopsided, image, mirror=True)]
    assert len(items) == 2
    prediction = predict([lopsided], image, mirror=True, uncertainty=True)
    np.testing.assert_allclose(prediction.probabilities, (items[0] + items[1]).numpy() / 2, atol=1e-6)
    assert (prediction.label != segment(lopsided, image)).any()
    assert prediction.mutual_information is not None
    assert prediction.mutual_information.max() > 0


def test_a_network_that_commutes_with_mirroring_gives_the_same_label(simple: LoadedBundle, image: Image) -> None:
    prediction = predict([simple], image, mirror=True, uncertainty=True)
    np.testing.assert_array_equal(prediction.label, segment(simple, image))
    np.testing.assert_allclose(prediction.mutual_information, 0, atol=1e-6)


def test_a_temperature_changes_probabilities_and_no_label(simple: LoadedBundle, volume: Make) -> None:
    image = volume(SHAPE)
    flat = predict([calibrated(simple, 4.0)], image)
    logits = predict([simple], image).probabilities
    assert logits is not None
    np.testing.assert_allclose(flat.probabilities, softmax(np.log(logits) / 4, axis=0), atol=1e-5)
    np.testing.assert_array_equal(flat.label, segment(simple, image))


def test_where_nothing_was_predicted_there_is_background(simple: LoadedBundle, image: Image) -> None:
    from monai.transforms import Compose, Lambdad

    def pad(pred: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(pred[:, :2]), pred[:, 2:]], 1)

    cropped = replace(simple, to_probabilities=Compose([*simple.to_probabilities.transforms, Lambdad("pred", pad)]))
    prediction = predict([cropped, simple], image)
    assert prediction.probabilities is not None
    np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-5)
    alone = predict([cropped], image).probabilities
    assert alone is not None
    assert (alone[0, :2] == 1).all()


def test_postprocessing_is_what_every_member_has(simple: LoadedBundle, image: Image) -> None:
    voxels = np.full(image.data.shape, -100, np.float32)
    voxels[0, 1:5, 2:9, 2:8] = voxels[0, 8:10, 2:9, 2:8] = 100
    blobs = replace(image, data=voxels)
    tidy = with_metadata(simple, postprocessing=Postprocessing(largest_component=[1]))
    raw, kept = segment(simple, blobs), segment(tidy, blobs)
    assert 0 < (kept == 1).sum() < (raw == 1).sum()
    np.testing.assert_array_equal(predict([tidy, tidy], blobs).label, kept)
    np.testing.assert_array_equal(predict([tidy, simple], blobs).label, raw)


def test_labels_of_many_objects_need_more_than_eight_bits(simple: LoadedBundle, image: Image) -> None:
    from monai.transforms import Compose

    class Number:
        gives_label = True

        def __call__(self, data: dict) -> dict:
            return {**data, "pred": torch.arange(np.prod(SHAPE), dtype=torch.int32).reshape(1, *SHAPE)}

    counted = replace(simple, to_label=Compose([Number()]), channels="foreground")
    prediction = predict([counted], image, uncertainty=True)
    assert prediction.label.dtype == np.uint16
    assert prediction.label.max() == np.prod(SHAPE) - 1
    foreground = prediction.probabilities[0].astype(np.float64)
    np.testing.assert_allclose(prediction.entropy, entropy([foreground, 1 - foreground], base=2, axis=0), atol=1e-5)


def test_members_of_other_tasks_are_refused(simple: LoadedBundle, image: Image) -> None:
    content = simple.metadata.model_dump(by_alias=True)
    content["network_data_format"]["outputs"]["pred"]["channel_def"]["1"] = "amygdala"
    other = replace(simple, name="other", metadata=BundleMetadata.model_validate(content))
    with pytest.raises(UserError, match="an ensemble needs bundles of one task, but `hippocampus_unet` does "):
        predict([simple, other], image)
    with pytest.raises(UserError, match="give one bundle"):
        predict([], image)


def test_a_bundle_trained_without_mirroring_is_not_mirrored(simple: LoadedBundle, image: Image) -> None:
    with pytest.raises(UserError, match="was not trained with mirror images"):
        predict([with_metadata(simple, expected_input=None)], image, mirror=True)


def test_logits_are_not_taken_for_probabilities(simple: LoadedBundle, image: Image) -> None:
    raw = replace(simple, channels=None)
    assert predict([raw], image).probabilities is None
    with pytest.raises(UserError, match="gives no probabilities: its postprocessing needs Activationsd"):
        predict([raw], image, uncertainty=True)


def test_values_that_are_no_labels_are_refused(simple: LoadedBundle, image: Image) -> None:
    from monai.transforms import Compose, Lambdad

    broken = replace(simple, to_label=Compose([Lambdad("pred", lambda pred: pred[1:2])]))
    with pytest.raises(UserError, match="gave values that are no labels"):
        predict([broken], image)
