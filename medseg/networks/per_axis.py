from collections.abc import Sequence

from medseg.networks.require import require_positive


def per_axis(name: str, values: Sequence[int | Sequence[int]], n: int, spatial_dims: int) -> list[tuple[int, ...]]:
    """``n`` steps, each a number or one number an axis, as one tuple of ``spatial_dims`` numbers each.

    Raises:
        ValueError: There are not ``n``, one has not an entry for each axis, or one is not positive.
    """
    if len(values) != n:
        raise ValueError(f"`{name}` must have {n} entries, got {len(values)}")
    steps = [(value,) * spatial_dims if isinstance(value, int) else tuple(value) for value in values]
    for step in steps:
        if len(step) != spatial_dims:
            raise ValueError(f"an entry of `{name}` must be a number or have {spatial_dims}, got {step}")
        require_positive(**{name: min(step)})
    return steps
