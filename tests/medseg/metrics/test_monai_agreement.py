import numpy as np
import pytest

from medseg.metrics import dice, hausdorff, surface_dice, surface_distances

ISOTROPIC, ANISOTROPIC = (1.0, 1.0, 1.0), (3.0, 0.7, 0.7)


def batch(mask):
    import torch

    return torch.from_numpy(mask)[None, None].float()


@pytest.mark.parametrize("spacing", [ISOTROPIC, ANISOTROPIC])
@pytest.mark.parametrize("seed", range(6))
def test_measures_agree_with_monai_in_3d(blob, seed, spacing):
    _agree(blob(seed), blob(seed + 100), spacing)


@pytest.mark.parametrize("seed", range(3))
def test_measures_agree_with_monai_in_2d(blob, seed):
    _agree(blob(seed, (40, 30)), blob(seed + 100, (40, 30)), (0.5, 1.25))


def test_measures_agree_with_monai_on_a_structure_cut_off_by_the_border(blob):
    whole = np.ones((6, 7, 8), bool)
    _agree(whole, blob(0, (6, 7, 8)), ANISOTROPIC)


@pytest.mark.filterwarnings("ignore:the (ground truth|prediction) of class")
def test_where_one_mask_is_empty_monai_gives_no_number_and_we_say_undefined(blob):
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    full = blob(0)
    empty = np.zeros_like(full)
    distances = surface_distances(empty, full, ISOTROPIC)
    assert not np.isfinite(compute_hausdorff_distance(batch(empty), batch(full), percentile=95).item())
    assert hausdorff(distances) is None
    assert compute_surface_dice(batch(empty), batch(full), [1.0]).item() == surface_dice(distances, 1.0) == 0


def _agree(prediction, reference, spacing):
    from monai.metrics import compute_dice, compute_hausdorff_distance, compute_surface_dice

    y_pred, y = batch(prediction), batch(reference)
    assert dice(prediction, reference) == pytest.approx(compute_dice(y_pred, y).item())
    distances = surface_distances(prediction, reference, spacing)
    for percentile in (95, 100):
        expected = compute_hausdorff_distance(y_pred, y, percentile=percentile, spacing=list(spacing)).item()
        assert hausdorff(distances, percentile) == pytest.approx(expected)
    for tolerance in (0.0, 0.7, 1.0, 3.0):
        expected = compute_surface_dice(y_pred, y, [tolerance], spacing=list(spacing)).item()
        assert surface_dice(distances, tolerance) == pytest.approx(expected)
