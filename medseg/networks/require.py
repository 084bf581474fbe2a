from collections.abc import Sequence

from torch import Tensor


def require_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise ValueError where an argument is none of its choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(str, choices))}, got {value}")


def require_positive(**values: float) -> None:
    """Raise ValueError where an argument is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"`{name}` must be positive, got {value}")


def require_multiple(image: Tensor, multiple: list[int]) -> None:
    """Raise ValueError where a side of ``(B, C, H, W[, D])`` is no multiple of that axis's entry."""
    sides = image.shape[2:]
    if len(sides) != len(multiple):
        raise ValueError(f"the image must have {len(multiple)} axes after batch and channel, got {len(sides)}")
    for axis, step in enumerate(multiple):
        if sides[axis] % step != 0:
            raise ValueError(f"sides of the image must be multiples of {multiple}, got {list(sides)}")
