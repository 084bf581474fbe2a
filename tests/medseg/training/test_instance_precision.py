import math

import pytest
import torch

from medseg.training.instance_precision import InstancePrecision


def test_it_is_the_mean_over_images_with_objects():
    true = torch.zeros(3, 1, 8, 8)
    true[0, 0, 1:4, 1:4], true[0, 0, 5:8, 5:8], true[1, 0, 2:5, 2:5] = 1, 2, 1
    found = true.clone()
    found[0, 0, 5:8, 5:8] = 0
    metric = InstancePrecision()
    values = metric(found, true)
    assert values[:2, 0].tolist() == [0.5, 1.0]
    assert math.isnan(values[2, 0])
    assert metric.aggregate() == pytest.approx(0.75)


def test_without_an_image_there_is_no_mean():
    with pytest.raises(ValueError, match="no image"):
        InstancePrecision().aggregate()
