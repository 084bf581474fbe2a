from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tracking.errors import OptionError

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """An instance of ``model`` made from ``values``.

    Raises:
        OptionError: A value is refused or unknown; one sentence about the first of them.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise tracking_error(error, known=list(model.model_fields)) from error


def tracking_error(error: ValidationError, known: list[str]) -> OptionError:
    """The first finding of ``error`` in one sentence; ``known`` are the names among which an unknown one is sought."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return OptionError(f"there is no option `{name}`{did_you_mean(name, known)}")
    if first["type"] == "missing":
        return OptionError(f"the option `{name}` is missing")
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should ")
    if not first["loc"]:
        return OptionError(message)
    if first["input"] is True and first["type"] == "value_error":
        return OptionError(f"`{name}` {message}")  # of a switch that is on there is no more to say
    came = repr(first["input"])
    return OptionError(f"`{name}` {_as_demand(message)}, got {came if len(came) <= 60 else came[:57] + '...'}")


def did_you_mean(name: str, known: list[str]) -> str:
    """What to add to the sentence about an unknown name: the likeliest meant, or else all there are."""
    close = get_close_matches(name, known, n=1)
    return f": did you mean `{close[0]}`?" if close else f": there are {', '.join(known)}"


def _as_demand(message: str) -> str:
    return f"must {message}" if message.startswith("be ") else message
