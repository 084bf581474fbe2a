from collections.abc import Mapping


def defined(content: Mapping[str, object]) -> dict[str, object]:
    """The numbers of a nested summary; what is None, as a measure that is not defined, is left out."""
    numbers = {name: defined(value) if isinstance(value, Mapping) else value for name, value in content.items()}
    return {name: value for name, value in numbers.items() if isinstance(value, int | float | dict)}
