import numpy as np

from tracking.detection.hot_pixels import is_hot_pixel


def test_a_lone_bright_pixel_is_hot_and_a_spot_is_not(render):
    frame = render([(10, 10), (10.5, 30.5)], 100.0, 0.85, (41, 41))
    frame[30, 20] += 100
    places = np.array([(10, 10), (10, 30), (30, 20)])
    hot = is_hot_pixel(frame.astype(np.float32), places, np.full(3, 1.0), 0.0, 0.85)
    assert hot.tolist() == [False, False, True]
    #  under noise as strong as itself nothing can be said
    assert not is_hot_pixel(frame.astype(np.float32), places, np.full(3, 1e4), 0.0, 0.85).any()


def test_at_the_corner_and_in_a_stack():
    frame = np.zeros((3, 9, 9), np.float32)
    frame[1, 0, 0] = frame[2, 8, 4] = 50
    assert is_hot_pixel(frame, np.array([(1, 0, 0), (2, 8, 4)]), np.ones(2), 0.0, 0.85).all()
