from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import ignite.distributed
import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator

from medseg.bundle.mismatch import describe_mismatch
from medseg.errors import UserError
from medseg.io.atomic import atomic_path

# How a schedule is planned is the config's to say; only how far it has come is the checkpoint's.
_SCHEDULE_PLAN = (
    *("total_steps", "_schedule_phases"),  # OneCycleLR of torch
    *("t_total", "warmup_steps", "warmup_multiplier", "cycles", "end_lr"),  # WarmupCosineSchedule of MONAI
)


class Randomizable(Protocol):
    """What draws the random numbers of a training set: transforms of MONAI, or a set of data that is made up."""

    def set_random_state(self, seed: int) -> object:
        """Start anew from a seed."""


class TrainingCheckpoint:
    """Saves the whole state of a training after every epoch and goes on from it exactly.

    The state is that of ``objects`` (network, optimiser, schedule) and of the trainer. Random numbers need no saving:
    every epoch starts its generators from ``seed`` and its own number, so an epoch is the same whether the training
    came to it in one go or was resumed. The file is moved into place whole, so a kill leaves the former one.

    A training resumed with more epochs than it was begun with follows the schedule of the longer one from there on. Of
    several processes of a distributed training the first one saves, all load, and each draws its own random numbers.

    Args:
        path: the checkpoint; a state of tensors and numbers that loads with ``weights_only``.
        objects: what has a ``state_dict``, by name.
        transform: the random transforms of the training set, or the set itself, to be seeded with every epoch.
        seed: the seed of the training.
        resume: go on from ``path``.
        evaluator: the engine that validates, whose best metric so far belongs to the state.
    """

    def __init__(
        self,
        path: str,
        objects: Mapping[str, Any],
        transform: Randomizable,
        seed: int,
        resume: bool = False,
        evaluator: Evaluator | None = None,
    ) -> None:
        self.path = Path(path)
        self.objects = dict(objects)
        self.transform = transform
        self.seed = seed
        self.resume = resume
        self.evaluator = evaluator

    def attach(self, engine: Engine) -> None:
        """Load at the start where asked to; seed and save with every epoch of ``engine``.

        Raises:
            UserError: the checkpoint cannot be read, is of another network or training, or leaves no epoch to go on
                with.
        """
        if self.resume:
            self._load(engine)
        engine.add_event_handler(Events.STARTED, self._seed)
        engine.add_event_handler(Events.EPOCH_STARTED, self._seed)
        if ignite.distributed.get_rank() == 0:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _seed(self, engine: Engine) -> None:
        seed = (self.seed + ignite.distributed.get_rank()) * 1_000_003 + engine.state.epoch
        torch.manual_seed(seed)
        self.transform.set_random_state(seed=seed)

    def _save(self, engine: Engine) -> None:
        state = {name: item.state_dict() for name, item in self.objects.items()}
        state["trainer"] = dict(engine.state_dict())
        state["is_complete"] = bool(engine.should_terminate) or engine.state.epoch >= engine.state.max_epochs
        if self.evaluator is not None:
            state["best"] = {
                "metric": float(self.evaluator.state.best_metric),
                "epoch": int(self.evaluator.state.best_metric_epoch),
            }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as partial:
            torch.save(state, partial)

    def _require_same_network(self, state: Mapping[str, Any]) -> None:
        for name, item in self.objects.items():
            if isinstance(item, torch.nn.Module) and (mismatch := describe_mismatch(state[name], item)):
                raise UserError(f"`{self.path}` cannot be resumed from, it is of another network: {mismatch}")

    def _load(self, engine: Engine) -> None:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            trainer = state["trainer"]
            self._require_same_network(state)
            for name, item in self.objects.items():
                plan = {key: value for key, value in item.state_dict().items() if key in _SCHEDULE_PLAN}
                item.load_state_dict({**state[name], **plan})
        except FileNotFoundError as error:
            raise UserError(f"`{self.path}` does not exist, so there is nothing to resume") from error
        except UserError:
            raise
        except Exception as error:  # torch raises a dozen kinds for a damaged file and for another network's
            raise UserError(f"`{self.path}` cannot be resumed from: it is damaged or of another training") from error
        length, done = engine.state.epoch_length, trainer["iteration"] // trainer["epoch_length"]
        if trainer["epoch_length"] != length:
            raise UserError(
                f"`{self.path}` cannot be resumed from: its epochs have {trainer['epoch_length']} iterations, those of "
                f"this training {length}; cases and batch size must be the same"
            )
        if done >= engine.state.max_epochs:
            raise UserError(
                f"{done} epochs are done already, and the training is to have {engine.state.max_epochs}: to go on, "
                "give it more with --set max_epochs=N"
            )
        engine.load_state_dict({**trainer, "max_epochs": engine.state.max_epochs})
        best = state.get("best")
        if best is not None and best["epoch"] >= 0 and self.evaluator is not None:
            self.evaluator.state.best_metric = best["metric"]
            self.evaluator.state.best_metric_epoch = best["epoch"]
