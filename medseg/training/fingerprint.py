from collections import Counter
from collections.abc import Collection, Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel

from medseg.errors import UserError
from medseg.training.case_facts import CaseFacts


class Spread(BaseModel, extra="forbid"):
    """How a quantity is spread over the cases, one number an axis."""

    minimum: list[float]
    percent_10: list[float]
    median: list[float]
    percent_90: list[float]
    maximum: list[float]

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]] | np.ndarray) -> Self:
        """The spread of ``(cases, axes)`` numbers."""
        found = np.percentile(np.asarray(rows), (0, 10, 50, 90, 100), axis=0)
        return cls(**dict(zip(cls.model_fields, found.tolist(), strict=True)))


class Intensity(BaseModel, extra="forbid"):
    """Intensities of one channel under the labels of all cases, each case counting alike."""

    percent_00_5: float
    median: float
    percent_99_5: float
    mean: float
    standard_deviation: float


class ClassCount(BaseModel, extra="forbid"):
    """How much there is of a class."""

    voxels: int
    absent_from: int


class Fingerprint(BaseModel, extra="forbid"):
    """What a set of cases is like: counts and quantiles, and nothing of a single case's.

    Axes are right-left, front-back, head-foot in 3D (see `CaseFacts`).

    Attributes:
        cases: how many there are.
        channels: numbers of channels, each with the number of cases that have it.
        dtypes: voxel types, likewise.
        orientations: of the files, likewise; empty in 2D.
        shape: voxels.
        spacing: millimetres.
        extent: millimetres from outer face to outer face.
        mean_volume: of an image, in cubic millimetres (square ones in 2D).
        intensities: of each channel; none where no case has a label, or where numbers of channels differ.
        classes: by label value.
    """

    cases: int
    channels: dict[int, int]
    dtypes: dict[str, int]
    orientations: dict[str, int]
    shape: Spread
    spacing: Spread
    extent: Spread
    mean_volume: float
    intensities: list[Intensity]
    classes: dict[int, ClassCount]

    def median_shape(self, spacing: Sequence[float]) -> list[float]:
        """Voxels along each axis of a median image that is resampled to ``spacing``."""
        return [extent / step for extent, step in zip(self.extent.median, spacing, strict=True)]

    def largest_shape(self, spacing: Sequence[float]) -> list[float]:
        """Voxels along each axis of the image that is longest there, resampled to ``spacing``."""
        return [extent / step for extent, step in zip(self.extent.maximum, spacing, strict=True)]


def make_fingerprint(facts: Sequence[CaseFacts], classes: Collection[int]) -> Fingerprint:
    """The fingerprint of cases.

    Args:
        facts: of each case.
        classes: label values to count, those that no case holds among them.

    Raises:
        UserError: there is no case, or some images are 2D and some 3D.
    """
    if not facts:
        raise UserError("a fingerprint needs at least one case, got none")
    if len({len(case.shape) for case in facts}) > 1:
        raise UserError("all images must have the same number of axes, but some are 2D and some 3D")
    extents = np.array([np.multiply(case.shape, case.spacing) for case in facts])
    return Fingerprint(
        cases=len(facts),
        channels=dict(Counter(case.channels for case in facts)),
        dtypes=dict(Counter(case.dtype for case in facts)),
        orientations=dict(Counter(case.orientation for case in facts if case.orientation)),
        shape=Spread.of([case.shape for case in facts]),
        spacing=Spread.of([case.spacing for case in facts]),
        extent=Spread.of(extents),
        mean_volume=float(np.mean(np.prod(extents, axis=1))),
        intensities=_intensities([case.foreground for case in facts]),
        classes={
            value: ClassCount(
                voxels=sum(case.voxels.get(value, 0) for case in facts),
                absent_from=sum(value not in case.voxels for case in facts),
            )
            for value in sorted(classes)
        },
    )


def _intensities(samples: Sequence[np.ndarray]) -> list[Intensity]:
    if len({len(sample) for sample in samples}) > 1:
        return []
    foreground = np.concatenate(samples, axis=1)
    if foreground.shape[1] == 0:
        return []
    low, median, high = np.percentile(foreground, (0.5, 50, 99.5), axis=1)
    mean, deviation = foreground.mean(axis=1, dtype=float), foreground.std(axis=1, dtype=float)
    return [
        Intensity(percent_00_5=row[0], median=row[1], percent_99_5=row[2], mean=row[3], standard_deviation=row[4])
        for row in np.stack([low, median, high, mean, deviation], axis=1).tolist()
    ]
