from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from medseg.errors import UserError
from medseg.training.fingerprint import Fingerprint
from medseg.training.memory import MemoryEstimate, gigabytes
from medseg.training.patch_memory import LEAST_BATCH, Budget, PatchMemory
from medseg.training.recipe import Recipe

_ANISOTROPIC = 3
_FEWEST_BATCHES, _LARGEST_SHARE = 10, 0.05
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

    Source: the simpler ones of nnU-Net's rules, Isensee et al. 2021, doi:10.1038/s41592-020-01008-z.
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
    fits = PatchMemory(fingerprint, recipe, in_channels, budget, spacing)
    values.append(_roi_size(fingerprint, fits))
    roi_size = values[-1].value
    values.append(_batch_size(fingerprint, fits, roi_size, budget.training_cases))
    batch_size = values[-1].value
    if recipe.max_epochs is not None:
        values.append(_max_epochs(recipe.max_epochs, recipe.batch_size, batch_size, budget))
    if recipe.learning_rate is not None:
        values.append(_learning_rate(recipe.learning_rate, recipe.batch_size, batch_size))
    return Plan(values=values, memory=fits.estimate(roi_size, batch_size))


def _spacing(fingerprint: Fingerprint) -> PlannedValue:
    spacing, shape = list(fingerprint.spacing.median), fingerprint.shape.median
    reason = f"The median spacing of {fingerprint.cases} cases."
    coarse = max(range(len(spacing)), key=spacing.__getitem__)
    others = [axis for axis in range(len(spacing)) if axis != coarse]
    widest_other = max(spacing[axis] for axis in others)
    is_thin = shape[coarse] * _ANISOTROPIC < min(shape[axis] for axis in others)
    if spacing[coarse] > _ANISOTROPIC * widest_other and is_thin:
        median = spacing[coarse]
        spacing[coarse] = max(fingerprint.spacing.percent_10[coarse], widest_other)
        reason = (
            f"The median spacing of {fingerprint.cases} cases, but axis {coarse + 1} is coarse ({median:.3g} mm; "
            f"the others at most {widest_other:.3g}), so it gets the spacing that a tenth of the cases stay below."
        )
    return PlannedValue("spacing", [float(f"{step:.4g}") for step in spacing], reason)


def _roi_size(fingerprint: Fingerprint, fits: PatchMemory) -> PlannedValue:
    size = list(fits.whole)
    steps = [number * ceil(_LEAST_STEP / number) for number in fits.multiple]
    while fits.needed(size, LEAST_BATCH) > fits.usable:
        shrinkable = [
            axis
            for axis, step in enumerate(steps)
            if size[axis] - step >= max(step, _LEAST_STEP)
            and fits.takes([side - step * (other == axis) for other, side in enumerate(size)])
        ]
        if not shrinkable:
            raise UserError(
                f"not even a patch of {_sides(size)} fits: a batch of {LEAST_BATCH} needs "
                f"{gigabytes(fits.needed(size, LEAST_BATCH))} of memory, and {gigabytes(fits.usable)} may be "
                "used; take a smaller network"
            )
        longest = max(shrinkable, key=lambda axis: size[axis] / fits.whole[axis])
        size[longest] -= steps[longest]
    median = _sides(round(side) for side in fingerprint.median_shape(fits.spacing))
    reason = f"The median image has {median} voxels at this spacing, rounded up to multiples of {_sides(fits.multiple)}"
    reason += ", which the network's strides need"
    if size != fits.whole:
        reason += (
            f"; cut down from {_sides(fits.whole)}, of which a batch of {LEAST_BATCH} needs "
            f"{gigabytes(fits.needed(fits.whole, LEAST_BATCH))}, and {gigabytes(fits.usable)} may be used"
        )
    return PlannedValue("roi_size", size, reason + ".")


def _batch_size(fingerprint: Fingerprint, fits: PatchMemory, roi_size: list[int], training_cases: int) -> PlannedValue:
    voxels = training_cases * prod(fingerprint.median_shape(fits.spacing))
    of_epoch = training_cases // _FEWEST_BATCHES
    of_voxels = int(_LARGEST_SHARE * voxels / prod(roi_size))
    one, two = (fits.needed(roi_size, batch) for batch in (1, 2))
    of_memory = 1 + int((fits.usable - one) / (two - one))
    size = max(min(of_epoch, of_voxels, of_memory), LEAST_BATCH)
    reasons = {
        of_memory: f"{gigabytes(fits.usable)} of memory hold no more patches of {_sides(roi_size)}",
        of_voxels: f"more would be over {_LARGEST_SHARE:.0%} of the voxels of {training_cases} training cases",
        of_epoch: f"with more, {training_cases} training cases would make fewer than {_FEWEST_BATCHES} batches",
    }
    why = reasons.get(size, f"{training_cases} training cases are few, and {LEAST_BATCH} is the least")
    return PlannedValue("batch_size", size, f"{why[0].upper()}{why[1:]}.")


def _max_epochs(epochs: int, recipe_batch: int, batch_size: int, budget: Budget) -> PlannedValue:
    if budget.recipe_cases is None:
        reason = "As in the bundle, which does not say on how many cases it was trained."
        return PlannedValue("max_epochs", epochs, reason)
    iterations = epochs * max(budget.recipe_cases // recipe_batch, 1)
    an_epoch = max(budget.training_cases // batch_size, 1)
    reason = (
        f"{iterations} iterations, as in the bundle's recipe ({epochs} epochs of {budget.recipe_cases} cases in "
        f"batches of {recipe_batch}); an epoch of {budget.training_cases} in batches of {batch_size} has {an_epoch}."
    )
    return PlannedValue("max_epochs", max(round(iterations / an_epoch), 1), reason)


def _learning_rate(rate: float, recipe_batch: int, batch_size: int) -> PlannedValue:
    reason = (
        f"As in the bundle, where it was chosen for batches of {recipe_batch}: the data do not tell of a better one."
    )
    if batch_size != recipe_batch:
        reason = reason[:-1] + f", and batches of {batch_size} were not tried."
    return PlannedValue("learning_rate", rate, reason)


def _sides(size: object) -> str:
    return " x ".join(map(str, size))  # type: ignore[call-overload]
