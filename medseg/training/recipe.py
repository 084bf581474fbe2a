from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from medseg.errors import UserError, first_line

if TYPE_CHECKING:
    import torch


class Recipe(BaseModel):
    """What a train config says of the things that depend on data and memory; what it does not say is None.

    Attributes:
        network: with fresh weights.
        precision: of the activations.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    spacing: list[PositiveFloat] | None = Field(None, min_length=2, max_length=3)
    roi_size: list[PositiveInt] | None = Field(None, min_length=2, max_length=3)
    batch_size: PositiveInt | None = None
    max_epochs: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    precision: str = "float32"
    network_def: Any = None

    @property
    def dtype(self) -> "torch.dtype":
        """The torch type that ``precision`` names."""
        import torch

        found = getattr(torch, self.precision, None)
        return found if isinstance(found, torch.dtype) else torch.float32


def read_recipe(config: Mapping[str, Any]) -> Recipe:
    """The recipe in a train config, given as plain data; its expressions are evaluated.

    Raises:
        UserError: an expression fails, or a value is of no use, such as a batch size that is no number.
    """
    from monai.bundle import ConfigParser

    parser = ConfigParser(dict(config))
    try:
        recipe = Recipe(**{key: parser.get_parsed_content(key) for key in Recipe.model_fields if key in config})
    except ValidationError as error:
        what = error.errors()[0]
        raise UserError(
            f"the train config cannot be used as it is set: {'#'.join(map(str, what['loc']))}: {what['msg']}"
        ) from error
    except Exception as error:  # a config can fail in as many ways as there is code in it
        raise UserError(f"the train config cannot be used as it is set: {first_line(error)}") from error
    if recipe.network_def is not None and not callable(getattr(recipe.network_def, "parameters", None)):
        kind = type(recipe.network_def).__name__
        raise UserError(f"the train config cannot be used as it is set: network_def is no network but a {kind}")
    return recipe
