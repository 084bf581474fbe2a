from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from medseg.errors import UserError, first_line
from medseg.training.fingerprint import Fingerprint
from medseg.training.memory import MemoryEstimate, cache_bytes, estimate_training_memory
from medseg.training.recipe import Recipe
from medseg.training.size_multiple import size_multiple, takes_size

LEAST_BATCH = 2
_USABLE = 0.9  # the rest is left to others, and to what an estimate misses


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


class PatchMemory:
    """How much memory any patch and batch take, from one run of the network on torch's meta device.

    Attributes:
        usable: bytes that a training may take.
        spacing: millimetres that images are resampled to.
        multiple: of what the sides of a patch must be multiples.
        whole: the patch that holds the median image.

    Raises:
        UserError: the network takes no image of so many axes and channels, or cannot run on the meta device.
    """

    def __init__(
        self, fingerprint: Fingerprint, recipe: Recipe, in_channels: int, budget: Budget, spacing: Sequence[float]
    ) -> None:
        try:
            multiple = size_multiple(recipe.network_def, in_channels, len(spacing))
            if multiple is None:
                raise UserError(f"the network takes no image of {len(spacing)} axes and {in_channels} channels")
            median = fingerprint.median_shape(spacing)
            # A side of 40 voxels can come out as 40.0000001.
            self.whole = [
                max(ceil(side / number - 1e-6), 1) * number for side, number in zip(median, multiple, strict=True)
            ]
            self._reference = estimate_training_memory(
                recipe.network_def, self.whole, in_channels, LEAST_BATCH, recipe.dtype
            )
        except NotImplementedError as error:
            raise UserError("the network cannot run on torch's meta device, so nothing is planned") from error
        except (RuntimeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"the network cannot be trained on the median image: {first_line(error)}") from error
        self.multiple = multiple
        self._network_def = recipe.network_def
        self.spacing = spacing
        self.usable = round(budget.memory * _USABLE)
        self._holds_cache = budget.holds_cache
        self._cases, self._channels = fingerprint.cases, in_channels
        self._mean_voxels = fingerprint.mean_volume / prod(spacing)

    def takes(self, roi_size: Sequence[int]) -> bool:
        """Whether the network takes a patch of this size."""
        return takes_size(self._network_def, self._channels, roi_size)

    def estimate(self, roi_size: Sequence[int], batch_size: int) -> MemoryEstimate:
        """The estimate for batches of patches, the cached cases included."""
        voxels = batch_size * prod(roi_size) / (LEAST_BATCH * prod(self.whole))
        cache = cache_bytes(self._cases, self._channels, self._mean_voxels, roi_size)
        return self._reference.scaled(voxels, cache)

    def needed(self, roi_size: Sequence[int], batch_size: int) -> int:
        """Bytes of it in the memory that is planned with."""
        estimate = self.estimate(roi_size, batch_size)
        return estimate.total if self._holds_cache else estimate.on_device
