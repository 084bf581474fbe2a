from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from medseg.errors import UserError
from medseg.training.fingerprint import Fingerprint
from medseg.training.memory import MemoryEstimate, cache_bytes, estimate_training_memory
from medseg.training.recipe import Recipe
from medseg.training.size_multiple import size_multiple

_ANISOTROPIC = 3
_FEWEST_BATCHES, _LEAST_BATCH, _LARGEST_SHARE = 10, 2, 0.05
_SHARE_OF_MEMORY = 0.9  # the rest is left to others, and to what an estimate misses
_LEAST_STEP = 8


@dataclass(frozen=True)
class PlannedValue:
    """A value for a key of the train config, and in one sentence why."""

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Plan:
    """Values for a training, and the memory it would take with them."""

    values: list[PlannedValue]
    memory: MemoryEstimate


@dataclass(frozen=True)
class Budget:
    """What a training may use.

    Attributes:
        memory: bytes on the device that trains.
        holds_cache: whether the cached cases are kept in that memory too, as on a CPU.
        training_cases: how many cases are trained on.
        recipe_cases: how many the bundle's own weights were trained on; None where it does not say.
    """

    memory: int
    holds_cache: bool
    training_cases: int
    recipe_cases: int | None


def make_plan(fingerprint: Fingerprint, recipe: Recipe, in_channels: int, budget: Budget) -> Plan:
    """Values for spacing, patch, batch, epochs and learning rate that suit the data and the memory.

    Args:
        fingerprint: of the cases that are trained on or choose the checkpoint.
        recipe: of the bundle.
        in_channels: that its network takes.
        budget: memory and numbers of cases.

    Raises:
        UserError: the train config has no network, patch or batch to plan with, the network takes no image of as many
            axes as the data have, or not even the smallest patch fits into the memory.

    Source: the rules of nnU-Net, Isensee et al. 2021, doi:10.1038/s41592-020-01008-z, of which these are the simpler ones.
    """
    if recipe.network_def is None or recipe.roi_size is None or recipe.batch_size is None:
        raise UserError("a plan needs a train config with network_def, roi_size and batch_size at its top level")
    axes = len(fingerprint.spacing.median)
    if len(recipe.roi_size) != axes:
        raise UserError(f"the bundle's network takes images of {len(recipe.roi_size)} axes, but the data have {axes}")
    values = []
    if recipe.spacing is None:
        spacing = fingerprint.spacing.median
    else:
        values.append(_spacing(fingerprint))
        spacing = values[-1].value
    fits = _Fit(fingerprint, recipe, in_channels, budget, spacing)
    values.append(_roi_size(fingerprint, fits))
    roi_size = values[-1].value
    values.append(_batch_size(fingerprint, fits, roi_size, budget.training_cases))
    batch_size = values[-1].value
    if recipe.max_epochs is not None:
        values.append(_max_epochs(recipe.max_epochs, recipe.batch_size, batch_size, budget))
    if recipe.learning_rate is not None:
        values.append(_learning_rate(recipe.learning_rate, recipe.batch_size, batch_size))
    return Plan(values=values, memory=fits.estimate(roi_size, batch_size))


class _Fit:
    """How much memory a patch and a batch take, from one run of the network on torch's meta device."""

    def __init__(
        self, fingerprint: Fingerprint, recipe: Recipe, in_channels: int, budget: Budget, spacing: Sequence[float]
    ) -> None:
        self.budget = budget
        self.spacing = spacing
        self.memory = round(budget.memory * _SHARE_OF_MEMORY)
        self.cases = fingerprint.cases
        self.channels = in_channels
        self.mean_voxels = fingerprint.mean_volume / prod(spacing)
        self.multiple = size_multiple(recipe.network_def, in_channels, len(spacing))
        if self.multiple is None:
            raise UserError(f"the bundle's network takes no image of {len(spacing)} axes and {in_channels} channels")
        median = fingerprint.median_shape(spacing)
        self.whole = [_round_up(side, number) for side, number in zip(median, self.multiple, strict=True)]
        self.reference = estimate_training_memory(
            recipe.network_def, self.whole, in_channels, _LEAST_BATCH, recipe.dtype
        )

    def estimate(self, roi_size: Sequence[int], batch_size: int) -> MemoryEstimate:
        voxels = batch_size * prod(roi_size) / (_LEAST_BATCH * prod(self.whole))
        cache = cache_bytes(self.cases, self.channels, self.mean_voxels, roi_size)
        return self.reference.scaled(voxels, cache)

    def needed(self, roi_size: Sequence[int], batch_size: int) -> int:
        estimate = self.estimate(roi_size, batch_size)
        return estimate.total if self.budget.holds_cache else estimate.on_device


def _spacing(fingerprint: Fingerprint) -> PlannedValue:
    spacing, shape = list(fingerprint.spacing.median), fingerprint.shape.median
    reason = f"The median spacing of {fingerprint.cases} cases."
    coarse = max(range(len(spacing)), key=spacing.__getitem__)
    others = [axis for axis in range(len(spacing)) if axis != coarse]
    finest_of_others = max(spacing[axis] for axis in others)
    is_thin = shape[coarse] * _ANISOTROPIC < min(shape[axis] for axis in others)
    if spacing[coarse] > _ANISOTROPIC * finest_of_others and is_thin:
        median = spacing[coarse]
        spacing[coarse] = max(fingerprint.spacing.percent_10[coarse], finest_of_others)
        reason = (
            f"The median spacing of {fingerprint.cases} cases, but axis {coarse + 1} is coarse (median {median:.3g} mm, "
            f"the others at most {finest_of_others:.3g}), so it gets the spacing that a tenth of the cases stay below."
        )
    return PlannedValue("spacing", [float(f"{step:.4g}") for step in spacing], reason)


def _roi_size(fingerprint: Fingerprint, fits: _Fit) -> PlannedValue:
    size = list(fits.whole)
    steps = [number * ceil(_LEAST_STEP / number) for number in fits.multiple or ()]
    while fits.needed(size, _LEAST_BATCH) > fits.memory:
        shrinkable = [axis for axis, step in enumerate(steps) if size[axis] > step]
        if not shrinkable:
            raise UserError(
                f"not even a patch of {_sides(size)} fits: a batch of {_LEAST_BATCH} needs "
                f"{gigabytes(fits.needed(size, _LEAST_BATCH))}, and of {gigabytes(fits.budget.memory)} available "
                f"{_SHARE_OF_MEMORY:.0%} may be used; take a smaller network"
            )
        longest = max(shrinkable, key=lambda axis: size[axis] / fits.whole[axis])
        size[longest] = _round_up(max(size[longest] - steps[longest], steps[longest]), (fits.multiple or [])[longest])
    median = _sides(round(side) for side in fingerprint.median_shape(fits.spacing))
    reason = f"The median image has {median} voxels at this spacing, rounded up to multiples of {_sides(fits.multiple)}"
    reason += ", which the network's strides need"
    if size != fits.whole:
        reason += (
            f"; cut down from {_sides(fits.whole)}, of which a batch of {_LEAST_BATCH} needs "
            f"{gigabytes(fits.needed(fits.whole, _LEAST_BATCH))} of {gigabytes(fits.budget.memory)}"
        )
    return PlannedValue("roi_size", size, reason + ".")


def _batch_size(fingerprint: Fingerprint, fits: _Fit, roi_size: list[int], training_cases: int) -> PlannedValue:
    voxels = training_cases * prod(fingerprint.median_shape(fits.spacing))
    of_epoch = training_cases // _FEWEST_BATCHES
    of_voxels = int(_LARGEST_SHARE * voxels / prod(roi_size))
    one, two = (fits.needed(roi_size, batch) for batch in (1, 2))
    of_memory = 1 + int((fits.memory - one) / (two - one))
    size = max(min(of_epoch, of_voxels, of_memory), _LEAST_BATCH)
    reasons = {
        of_memory: f"{gigabytes(fits.budget.memory)} of memory hold no more patches of {_sides(roi_size)}",
        of_voxels: f"it is then at most {_LARGEST_SHARE:.0%} of the voxels of {training_cases} training cases",
        of_epoch: f"an epoch of {training_cases} training cases then has {_FEWEST_BATCHES} batches or more",
    }
    why = reasons.get(size, f"{training_cases} training cases are few, and {_LEAST_BATCH} is the least")
    return PlannedValue("batch_size", size, f"{why[0].upper()}{why[1:]}.")


def _max_epochs(epochs: int, recipe_batch: int, batch_size: int, budget: Budget) -> PlannedValue:
    if budget.recipe_cases is None:
        reason = "As in the bundle, which does not say on how many cases it was trained."
        return PlannedValue("max_epochs", epochs, reason)
    iterations = epochs * max(budget.recipe_cases // recipe_batch, 1)
    an_epoch = max(budget.training_cases // batch_size, 1)
    reason = (
        f"{iterations} iterations, as in the bundle's recipe ({epochs} epochs of {budget.recipe_cases} cases in batches of "
        f"{recipe_batch}); an epoch of {budget.training_cases} cases in batches of {batch_size} has {an_epoch}."
    )
    return PlannedValue("max_epochs", max(round(iterations / an_epoch), 1), reason)


def _learning_rate(rate: float, recipe_batch: int, batch_size: int) -> PlannedValue:
    reason = f"As in the bundle, where it was chosen for batches of {recipe_batch}: neither data nor memory tell a better."
    if batch_size != recipe_batch:
        reason = reason[:-1] + f", and batches of {batch_size} were not tried."
    return PlannedValue("learning_rate", rate, reason)


def gigabytes(size: float) -> str:
    """A number of bytes as ``1.2 GB`` (of 10^9 bytes)."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e9:.2f} GB"


def _round_up(side: float, multiple: int) -> int:
    # A side of 40 voxels can come out as 40.0000001.
    return max(ceil(side / multiple - 1e-6), 1) * multiple


def _sides(size: object) -> str:
    return " x ".join(map(str, size))  # type: ignore[call-overload]
