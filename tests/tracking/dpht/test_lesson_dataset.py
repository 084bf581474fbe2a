from collections.abc import Callable

import numpy as np
import pytest
from torch.utils.data import DataLoader

from tracking.dpht.lesson_dataset import LessonDataset
from tracking.dpht.stream import Lesson

SMALL = {"n_movies": 1, "n_frames": 5, "n_particles": 8.0}
Known = list[bytes]


def known(lessons: list[Lesson]) -> Known:
    """What tells lessons apart: the bytes of their positions and of the truth about them."""
    return [one.spots.position.tobytes() + one.particle.tobytes() + one.ahead.tobytes() for one in lessons]


@pytest.fixture
def lessons_of() -> Callable[..., Known]:
    def make(length: int = 3, **options: object) -> Known:
        return known(list(LessonDataset(length, **SMALL, **options)))

    return make


@pytest.mark.parametrize("workers", [1, 2])
def test_lessons_are_the_same_with_any_number_of_workers(lessons_of: Callable[..., Known], workers: int) -> None:
    dataset = LessonDataset(5, seed=3, **SMALL)
    assert known(list(DataLoader(dataset, batch_size=None, num_workers=workers))) == lessons_of(5, seed=3)


def test_a_longer_pass_begins_like_a_shorter_one(lessons_of: Callable[..., Known]) -> None:
    assert lessons_of(4)[:2] == lessons_of(2)


def test_no_lesson_is_like_another(lessons_of: Callable[..., Known]) -> None:
    streams = [
        lessons_of(stream=name, seed=seed) for name in ("training", "validation", "evaluation") for seed in (0, 1)
    ]
    every = [one for lessons in streams for one in lessons]
    assert len(set(every)) == len(every) == 18


def test_another_random_state_gives_other_lessons_and_the_same_one_the_same(lessons_of: Callable[..., Known]) -> None:
    dataset = LessonDataset(3, seed=0, **SMALL)
    first = known(list(dataset))
    dataset.set_random_state(7)
    assert known(list(dataset)) == lessons_of(seed=7)
    dataset.set_random_state(0)
    assert known(list(dataset)) == first


def test_lessons_have_the_size_that_was_asked_for() -> None:
    (lesson,) = LessonDataset(1, n_movies=3, n_frames=7, n_particles=9.0)
    assert len(lesson.spots.context) == 3
    assert lesson.spots.frame.max() == 6
    assert len(LessonDataset(4)) == 4
    assert np.bincount(lesson.spots.movie).max() < 7 * 9 * 1.6 * 4


@pytest.mark.parametrize(
    ("options", "message"), [({"length": 0}, "`length`"), ({"length": 1, "stream": "x"}, "`stream`")]
)
def test_impossible_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LessonDataset(**options)
