from types import SimpleNamespace

import pytest

from tracking.detect_movie import DetectedMovie
from tracking.pixel_warnings import blank_warning, missing_warning


def detected(*, skipped=(), blank=(), missing=()):
    return DetectedMovie((), skipped, (), blank, missing, 0)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((), None),
        (((5, 1),), "1 pixel of frame 5 is not a finite number and was passed over"),
        (((0, 7),), "7 pixels of frame 0 are not finite numbers and were passed over"),
        (((5, 1), (6, 3)), "1 pixel of frame 5 is not a finite number and was passed over (and so in 1 more frame)"),
        (
            ((5, 2), (6, 3), (9, 1)),
            "2 pixels of frame 5 are not finite numbers and were passed over (and so in 2 more frames)",
        ),
    ],
)
def test_missing_pixels_are_one_sentence(missing, sentence):
    assert missing_warning(detected(missing=missing)) == sentence


def test_a_movie_is_blank_if_all_its_frames_are():
    movie = SimpleNamespace(n_frames=4)

    assert blank_warning(movie, detected(blank=(0, 1, 3))) is None
    assert "in all 4 frames every pixel has the same value" in blank_warning(movie, detected(blank=(0, 1, 2, 3)))
    partly = blank_warning(movie, detected(blank=(0, 1, 3), skipped=(2,)))
    assert "in all 3 frames that can be read every pixel has the same value" in partly
