from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from medseg.errors import UserError
from medseg.training.case_facts import CaseFacts
from medseg.training.fingerprint import Fingerprint, make_fingerprint

MakeFacts = Callable[..., CaseFacts]


def test_quantiles_and_counts(facts_of: MakeFacts) -> None:
    cases = [facts_of((10 * n, 20, 30), (1.0, 1.0, float(n)), {0: 5, 1: n}) for n in range(1, 12)]
    cases[0] = replace(cases[0], orientation="LPS", voxels={0: 5})

    found = make_fingerprint(cases, {1, 2})

    assert found.cases == 11
    assert found.orientations == {"LPS": 1, "RAS": 10}
    assert found.shape.median == [60, 20, 30]
    assert found.shape.minimum == [10, 20, 30]
    assert found.spacing.percent_10 == [1, 1, 2]
    assert found.spacing.maximum == [1, 1, 11]
    assert found.mean_volume == pytest.approx(np.mean([10 * n * 20 * 30 * n for n in range(1, 12)]))
    assert found.median_shape([2, 2, 2]) == [30, 10, 90]
    assert found.largest_shape([2, 2, 2]) == [55, 10, 165]
    assert found.classes[1].voxels == sum(range(2, 12))
    assert found.classes[1].absent_from == 1
    assert (found.classes[2].voxels, found.classes[2].absent_from) == (0, 11)


def test_intensities_are_those_of_numpy(facts_of: MakeFacts) -> None:
    random = np.random.default_rng(0)
    cases = [replace(facts_of((4, 4)), foreground=random.normal(size=(2, 50))) for _ in range(3)]
    together = np.concatenate([case.foreground for case in cases], axis=1)
    (_, second) = make_fingerprint(cases, {1}).intensities
    assert second.percent_99_5 == pytest.approx(np.percentile(together[1], 99.5))
    assert second.standard_deviation == pytest.approx(together[1].std())


def test_gray_and_colour_images_have_no_intensities_in_common(facts_of: MakeFacts) -> None:
    colour = replace(facts_of((4, 5)), channels=3, foreground=np.ones((3, 2)))
    found = make_fingerprint([facts_of((4, 5)), colour], {1})
    assert found.channels == {1: 1, 3: 1}
    assert found.intensities == []


def test_a_fingerprint_is_read_back_as_it_was_written(facts_of: MakeFacts) -> None:
    found = make_fingerprint([facts_of((4, 5, 6)), facts_of((5, 5, 6))], {1})
    assert Fingerprint.model_validate_json(found.model_dump_json()) == found


def test_what_cannot_be_described_together_is_refused(facts_of: MakeFacts) -> None:
    with pytest.raises(UserError, match="some are 2D and some 3D"):
        make_fingerprint([facts_of((4, 5, 6)), facts_of((4, 5))], {1})
    with pytest.raises(UserError, match="at least one case"):
        make_fingerprint([], {1})
