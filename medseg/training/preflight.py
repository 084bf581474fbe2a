from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from medseg.bundle import BundleMetadata
from medseg.bundle.load import choose_device
from medseg.errors import UserError, first_line
from medseg.training.available_memory import available_memory
from medseg.training.case_facts import CaseFacts
from medseg.training.dataset import Case
from medseg.training.fingerprint import Fingerprint, make_fingerprint
from medseg.training.folds import PARTS
from medseg.training.memory import MemoryEstimate, cache_bytes, estimate_training_memory, gigabytes
from medseg.training.recipe import Recipe, read_recipe
from medseg.training.size_multiple import size_multiple, takes_size

if TYPE_CHECKING:
    import torch

_LEAST_HELD = 0.5


def require_enough_cases(cases: Sequence[Case]) -> None:
    """Refuse cases that cannot be split.

    Raises:
        UserError: there are fewer, or of fewer patients, than the parts that cases are cut into.
    """
    patients = len({case.owner for case in cases})
    if patients < PARTS:
        of = f" of {patients} patient{'s' * (patients != 1)}" if patients < len(cases) else ""
        needed = f"{PARTS} patients" if of else f"{PARTS}"
        raise UserError(
            f"{len(cases)} cases{of} are too few: {needed} are needed, as the folds cut them into {PARTS} parts"
        )


def check_training(
    metadata: BundleMetadata,
    config: Mapping[str, Any],
    cases: Sequence[Case],
    facts: Mapping[str, CaseFacts],
    device: str,
    memory_gb: float | None = None,
) -> list[str]:
    """Refuse a training that cannot end well, before it starts.

    Args:
        metadata: of the bundle.
        config: its train config as plain data, overrides included.
        cases: with the split of each.
        facts: of each case, by its id.
        device: that trains, as `choose_device` takes it.
        memory_gb: what it may take there, in 10^9 bytes; None for what is available.

    Returns:
        Sentences for the user: the memory needed, and what is unwise.

    Raises:
        UserError: what `check_split` raises; the network does not take the patch, or the memory does not suffice.
    """
    recipe = read_recipe(config)
    absent = check_split(metadata, recipe, config, cases, facts)
    if recipe.network_def is None or recipe.roi_size is None or recipe.batch_size is None:
        return ["the memory needed is not known: the train config has no network_def, roi_size or batch_size", *absent]
    seen = [facts[case.id] for case in cases if case.split != "test"]
    fingerprint = make_fingerprint(seen, metadata.classes)
    spacing = recipe.spacing or fingerprint.spacing.median
    if not len(spacing) == len(recipe.roi_size) == len(fingerprint.shape.median):
        raise UserError(
            f"spacing {spacing} and roi_size {recipe.roi_size} must have one entry for each of the "
            f"{len(fingerprint.shape.median)} axes of the images"
        )
    channels = metadata.image.num_channels
    if not _takes_patch(recipe, channels):
        return ["the memory needed is not known: the network cannot be tried on torch's meta device", *absent]
    try:
        estimate = estimate_training_memory(
            recipe.network_def,
            recipe.roi_size,
            channels,
            recipe.batch_size,
            recipe.dtype,
            cache_bytes(len(seen), channels, fingerprint.mean_volume / prod(spacing), recipe.roi_size),
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"the network cannot be trained on roi_size {recipe.roi_size}: {first_line(error)}") from error
    padded = _tell_of_padding(recipe, channels, fingerprint, spacing)
    unseen = _tell_of_unseen(recipe, config, fingerprint.median_shape(spacing))
    return [_require_memory(estimate, choose_device(device), memory_gb), *padded, *unseen, *absent]


def check_split(
    metadata: BundleMetadata,
    recipe: Recipe,
    config: Mapping[str, Any],
    cases: Sequence[Case],
    facts: Mapping[str, CaseFacts],
) -> list[str]:
    """Refuse a split that cannot be trained on; ``recipe`` is that of ``config``, the rest as of `check_training`.

    Returns:
        A sentence for every class that no case holds which chooses the weights.

    Raises:
        UserError: no training case holds some class, or no case that chooses the weights any; or a batch is larger than
            the training set.
    """
    _require_a_batch(recipe, config, sum(case.split == "train" for case in cases))
    absent: dict[str, list[str]] = {}
    for split in ("train", "validation"):
        held = set().union(*(facts[case.id].held for case in cases if case.split == split))
        absent[split] = [
            f"{name} (label value {value})" for value, name in metadata.classes.items() if value not in held
        ]
    if absent["train"]:
        raise UserError(f"no training case holds the class {', '.join(absent['train'])}: give cases with it")
    if len(absent["validation"]) == len(metadata.classes):
        raise UserError("none of the cases that choose the weights holds any class: give more cases, or label them")
    return [f"warning: no case that chooses the weights holds the class {name}" for name in absent["validation"]]


def _require_a_batch(recipe: Recipe, config: Mapping[str, Any], training_cases: int) -> None:
    section = config.get("train")
    loader = section.get("dataloader") if isinstance(section, Mapping) else None
    drops_last = isinstance(loader, Mapping) and loader.get("drop_last") is True
    if drops_last and recipe.batch_size is not None and recipe.batch_size > training_cases:
        raise UserError(
            f"batch_size is {recipe.batch_size} and the training cases are {training_cases}, so no batch would be "
            "full: pass --set batch_size=N, or let medseg plan choose"
        )


def _takes_patch(recipe: Recipe, channels: int) -> bool:
    """Whether the network takes the patch; False where that cannot be told, as it needs values or shrinks its image.

    Raises:
        UserError: it takes other sizes, but not this one.
    """
    size = recipe.roi_size or []
    try:
        if takes_size(recipe.network_def, channels, size):
            return True
        multiple = size_multiple(recipe.network_def, channels, len(size))
    except NotImplementedError:
        return False
    if multiple and all(side % number == 0 for side, number in zip(size, multiple, strict=True)):
        raise UserError(f"the network does not take a roi_size of {size}: it is too small for it")
    if multiple:
        raise UserError(f"the network does not take a roi_size of {size}: its sides must be multiples of {multiple}")
    return False


def _tell_of_padding(recipe: Recipe, channels: int, fingerprint: Fingerprint, spacing: Sequence[float]) -> list[str]:
    """A sentence where every image is padded for nothing: a smaller patch would hold the largest one."""
    size, largest = recipe.roi_size or [], fingerprint.largest_shape(spacing)
    if not any(side > image for side, image in zip(size, largest, strict=True)):
        return []
    multiple = size_multiple(recipe.network_def, channels, len(size)) or [1] * len(size)
    enough = [
        min(side, max(ceil(image / number - 1e-6), 1) * number)
        for side, image, number in zip(size, largest, multiple, strict=True)
    ]
    if enough == size:
        return []
    sides, share = [ceil(side - 1e-6) for side in largest], 1 - prod(enough) / prod(size)
    return [
        f"warning: roi_size {size} is larger than every image (at most {sides} voxels at this spacing): {share:.0%} of "
        f"all time and memory go into padding that roi_size {enough} would spare"
    ]


def _tell_of_unseen(recipe: Recipe, config: Mapping[str, Any], shape: Sequence[float]) -> list[str]:
    """A sentence where the patch holds less than half of a median image, and the recipe crops only its middle."""
    size = recipe.roi_size or []
    held = prod(min(side / image, 1) for side, image in zip(size, shape, strict=True))
    if held >= _LEAST_HELD or "Crop" in str(config.get("train", "")):
        return []
    return [
        f"warning: a median image has {[round(side) for side in shape]} voxels at this spacing, and the recipe trains "
        f"on the middle {size} of each, {held:.0%} of it: make roi_size larger, or put a crop such as RandSpatialCropd "
        "before the other random_transforms"
    ]


def _require_memory(estimate: MemoryEstimate, device: "torch.device", memory_gb: float | None) -> str:
    import torch

    on_cpu = device.type != "cuda"
    needed = estimate.total if on_cpu else estimate.on_device
    available = available_memory(device) if memory_gb is None else round(memory_gb * 1e9)
    if needed > available:
        raise UserError(
            f"the training needs about {gigabytes(needed)} of memory and {gigabytes(available)} are available: lower "
            "batch_size or roi_size with --set, or say with --memory how many GB it may take all the same"
        )
    if not on_cpu and estimate.cache > available_memory(torch.device("cpu")):
        raise UserError(f"the cached cases need about {gigabytes(estimate.cache)} of memory, more than is available")
    model = estimate.weights + estimate.gradients + estimate.optimizer
    return (
        f"needs about {gigabytes(needed)} of the {gigabytes(available)} of memory available: batches "
        f"{gigabytes(estimate.activations + estimate.working)}, network and optimiser {gigabytes(model)}, cached cases "
        f"{gigabytes(estimate.cache)}"
    )
