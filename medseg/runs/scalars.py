from collections.abc import Iterator, Mapping


def scalars(values: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Metrics as single numbers: the third class of a tensor ``dice`` is ``dice_2``, key ``a`` of a dict ``dice_a``.

    Tensors and arrays of any shape, sequences and mappings are taken apart; booleans count as 0 and 1.

    Raises:
        TypeError: A value is not a number and holds none.
    """
    for name, value in values.items():
        yield from _scalars(name, value)


def _scalars(name: str, value: object) -> Iterator[tuple[str, float]]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, int | float):
        yield name, float(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _scalars(f"{name}_{key}", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _scalars(f"{name}_{index}", item)
    else:
        raise TypeError(f"metric `{name}` must be a number or hold numbers, got {type(value).__name__}")
