import subprocess
import sys

import numpy as np
import pytest

from tracking.detection import DetectionOptions, prepare_detector
from tracking.detection.spot_filter import SpotFilter
from tracking.detection.torch_filter import choose_device, filter_with_torch
from tracking.errors import OptionError


@pytest.mark.parametrize("kind", ["log", "dog"])
@pytest.mark.parametrize("shape", [(40, 50), (9, 30, 31), (3, 4), (1, 7)])
def test_it_is_the_filter_of_the_cpu(kind, shape):
    frame = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    spot_filter = SpotFilter(kind, tuple(1.0 + 0.2 * axis for axis in range(len(shape))))
    np.testing.assert_allclose(filter_with_torch(spot_filter, frame, "cpu"), spot_filter.apply(frame), atol=1e-4)


def test_detections_are_the_same(simulate):
    _, frame = simulate(0, n=60)
    numpy, torch = (
        prepare_detector([frame], DetectionOptions(sigma=0.85, device=device)).detect(frame)
        for device in ("cpu", "cpu:0")
    )
    assert len(numpy) == len(torch)
    np.testing.assert_allclose(numpy, torch, rtol=1e-2, atol=1e-3)


@pytest.mark.gpu
def test_detections_of_a_gpu_are_the_same(simulate):
    _, frame = simulate(0, n=60)
    assert choose_device("auto") == "cuda"
    numpy, torch = (
        prepare_detector([frame], DetectionOptions(sigma=0.85, device=device)).detect(frame)
        for device in ("cpu", "auto")
    )
    np.testing.assert_allclose(numpy, torch, rtol=1e-2, atol=1e-3)


def test_unknown_devices():
    assert choose_device("cpu") == "cpu"
    with pytest.raises(OptionError, match=r"`device` must be cpu, cuda, cuda:N or auto, got abacus$"):
        choose_device("abacus")
    with pytest.raises(OptionError, match="got meta, which torch does not have here"):
        choose_device("meta")


def test_without_a_gpu_torch_is_not_imported():
    code = (
        "import sys, numpy as np; from tracking.detection import *;"
        "from unittest import mock; from pathlib import Path;"
        "p = mock.patch.object(Path, 'exists', lambda self: False); p.start();"
        "prepare_detector([np.zeros((32, 32))]).detect(np.zeros((32, 32)));"
        "sys.exit('torch' in sys.modules or 'trackpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
