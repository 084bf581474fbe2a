from typing import TYPE_CHECKING, Any

from tracking.io.movie_axes import StoredAxes
from tracking.io.movie_units import StoredSteps, micrometres, seconds

if TYPE_CHECKING:
    from tifffile import TiffPage


def imagej_axes(metadata: dict[str, Any], frame_shape: tuple[int, int]) -> StoredAxes:
    """Axes by ImageJ's description alone, for a file that is cut short, where tifffile gives up."""
    sizes = [int(metadata.get(name, 1)) for name in ("frames", "slices", "channels")]
    images = int(metadata.get("images", 1))
    letters = "TZCYX"
    if sizes == [1, 1, 1] and images > 1:
        letters, sizes = "IYX", [images]
    return StoredAxes(letters, (*sizes, *frame_shape))


def imagej_steps(metadata: dict[str, Any], page: "TiffPage") -> StoredSteps:
    """Distances by ImageJ: pixels per unit in the resolution tags, the unit and the rest in its description."""
    unit = metadata.get("unit")
    x, y = (_per_unit(page, tag, unit) for tag in ("XResolution", "YResolution"))
    interval = seconds(metadata.get("finterval"), metadata.get("tunit", "s"))
    return StoredSteps(x, y, micrometres(metadata.get("spacing"), unit), interval)


def _per_unit(page: "TiffPage", name: str, unit: object) -> float | None:
    tag = page.tags.get(name)
    if tag is None or not isinstance(tag.value, tuple) or len(tag.value) != 2:
        return None
    pixels, units = tag.value
    return micrometres(units / pixels, unit) if pixels else None
