import math
from collections.abc import Mapping

import ignite.distributed
import torch
from ignite.engine import Engine, Events

from medseg.errors import UserError


class StopOnBadLoss:
    """Ends a training at the first loss that is not a finite number, and names the cases of the batch.

    Weights that are no longer finite end it too, at the end of their epoch. Attach it to the trainer before what
    validates and what saves: the checkpoints of the epochs before stay as they are. Of several processes of a
    distributed training all end, or those without the bad batch would wait for the others.

    Args:
        network: The network that is trained.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def attach(self, engine: Engine) -> None:
        """Follow a trainer whose output has the key ``loss``; the batch's key ``case``, if any, holds names."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._require_finite_loss)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._require_finite_weights)

    def _require_finite_loss(self, engine: Engine) -> None:
        loss = float(engine.state.output["loss"])
        is_bad = not math.isfinite(loss)
        if _in_any_process(is_bad):
            what = f"the loss became {loss}" if is_bad else "in another process the loss became infinite or NaN"
            raise UserError(f"{what} {_where(engine, name_cases=is_bad)}: {_remedy(engine)}")

    def _require_finite_weights(self, engine: Engine) -> None:
        if not all(bool(torch.isfinite(tensor).all()) for tensor in self.network.parameters()):
            raise UserError(f"weights of the network became infinite or NaN {_where(engine)}: {_remedy(engine)}")


def _in_any_process(is_bad: bool) -> bool:
    if ignite.distributed.get_world_size() == 1:
        return is_bad
    return float(ignite.distributed.all_reduce(float(is_bad))) > 0


def _remedy(engine: Engine) -> str:
    kept = "the last checkpoint is kept" if engine.state.epoch > 1 else "no epoch is done, so there is no checkpoint"
    return f"look at the intensities of these cases, or lower the learning rate; {kept}"


def _where(engine: Engine, name_cases: bool = True) -> str:
    state = engine.state
    iteration = (state.iteration - 1) % state.epoch_length + 1
    batch = state.batch
    cases = batch.get("case") if isinstance(batch, Mapping) else None
    names = f" (cases {', '.join(dict.fromkeys(cases))})" if cases and name_cases else ""
    return f"in epoch {state.epoch}, iteration {iteration} of {state.epoch_length}{names}"
