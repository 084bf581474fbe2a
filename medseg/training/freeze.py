import re
from typing import TYPE_CHECKING

from medseg.errors import UserError

if TYPE_CHECKING:
    from torch import nn


def freeze(network: "nn.Module", pattern: str) -> None:
    """Keep a part of a network as it is while the rest is trained.

    That is its parameters, whatever the weight decay, because optimisers pass over parameters without a gradient; and
    its running statistics, as of batch normalisation, by which it then normalises in training too.

    Args:
        network: Changed in place, before its first training step.
        pattern: Regular expression that the names of these parameters and statistics match from their beginning.

    Raises:
        UserError: it is none, or none of the parameters match, or all do.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"`encoder` of the train config must be a regular expression, but {error}: `{pattern}`"
        ) from error
    parameters = dict(network.named_parameters())
    frozen = [name for name in parameters if expression.match(name)]
    if len(frozen) in (0, len(parameters)):
        raise UserError(
            f"`encoder` of the train config must match some of the {len(parameters)} parameters of the network, but "
            f"`{pattern}` matches {'all' if frozen else 'none'}: the first is {next(iter(parameters), None)}"
        )
    for name in frozen:
        parameters[name].requires_grad_(False)
    for prefix, module in network.named_modules():
        if any(expression.match(f"{prefix}.{name}") for name, _ in module.named_buffers(recurse=False)):
            # Trainers put the whole network into training mode before every step.
            module.register_forward_pre_hook(_stay_in_evaluation)


def _stay_in_evaluation(module: "nn.Module", _: object) -> None:
    module.eval()
