import warnings

import numpy as np
from matplotlib.image import imread

from medseg.cli.reliability_figure import save_reliability_figure
from medseg.metrics import score_calibration


def test_a_figure_is_drawn_even_where_nothing_is_foreground(tmp_path):
    sure = np.zeros((2, 5, 5))
    sure[0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_reliability_figure(tmp_path / "reliability.png", score_calibration(sure, np.zeros((5, 5), np.uint8)))
    assert imread(tmp_path / "reliability.png").std() > 0.05
