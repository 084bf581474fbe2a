from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from medseg.bundle import LoadedBundle
from medseg.bundle.calibrate import calibrate
from medseg.errors import UserError
from medseg.io import Image, write_image, write_label


class Overconfident(torch.nn.Module):
    """Gives three times the logits that the labels were drawn from."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(image), 3 * image, -3 * image], 1)


@pytest.fixture
def overconfident(loaded: LoadedBundle) -> LoadedBundle:
    return replace(loaded, network=Overconfident(), inferer=lambda inputs, network: network(inputs))


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, Path]]:
    """Images of normalised noise, and labels drawn with the probabilities that the noise stands for."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(3):
        noise = random.normal(size=(20, 20, 20)).astype(np.float32)
        noise = (noise - noise.mean()) / noise.std()
        image = Image(noise[np.newaxis], np.eye(4), ".nii.gz")
        edges = softmax(np.stack([0 * noise, noise, -noise]), axis=0).cumsum(0)
        label = (random.uniform(size=noise.shape) > edges[:2]).sum(0)
        paths.append((tmp_path / f"{number}.nii.gz", tmp_path / f"{number}_label.nii.gz"))
        write_image(paths[-1][0], image)
        write_label(paths[-1][1], label, image)
    return paths


def test_the_temperature_is_the_factor_by_which_the_network_overstates(
    overconfident: LoadedBundle, files: list[tuple[Path, Path]]
) -> None:
    calls: list[tuple[int, int]] = []
    found = calibrate(overconfident, files, "validation", lambda done, total: calls.append((done, total)))
    assert found.temperature == pytest.approx(3, rel=0.05)
    assert found.ece_before > 0.2
    assert found.ece_after < 0.02
    assert found.n == 3
    assert calls == [(done, 6) for done in range(1, 7)]
    again = replace(overconfident, metadata=overconfident.metadata.model_copy(update={"calibration": found}))
    assert calibrate(again, files, "validation") == found


def test_what_has_no_probabilities_of_classes_is_refused(
    overconfident: LoadedBundle, files: list[tuple[Path, Path]]
) -> None:
    for channels in ("foreground", None):
        with pytest.raises(UserError, match="gives no probabilities of classes"):
            calibrate(replace(overconfident, channels=channels), files, "validation")
    with pytest.raises(UserError, match="one case at least"):
        calibrate(overconfident, [], "validation")
