import pytest
from matplotlib.image import imread

from tracking.errors import TrackingError
from tracking.motion import analyse_motion, save_motion_figure


def test_picture(simulate, tmp_path):
    report = analyse_motion(simulate(1, 40, 40, error=0.03), n_resamples=50)
    save_motion_figure(tmp_path / "motion.png", report)
    picture = imread(tmp_path / "motion.png")
    assert picture.shape[:2] == (960, 1320)
    assert picture[..., :3].std() > 0.05
    save_motion_figure(tmp_path / "motion.svg", report)
    text = (tmp_path / "motion.svg").read_text()
    assert "<svg" in text
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["motion.png", "motion.svg"]


def test_a_folder_that_is_not_there(simulate, tmp_path):
    with pytest.raises(TrackingError, match="could not be written"):
        save_motion_figure(tmp_path / "absent" / "motion.png", analyse_motion(simulate(1, 6, 12), n_resamples=10))
