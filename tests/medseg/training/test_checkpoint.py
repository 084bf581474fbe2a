from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.data import CacheDataset, DataLoader
from monai.engines import SupervisedTrainer
from monai.handlers import LrScheduleHandler
from monai.transforms import Compose, EnsureTyped, RandFlipd, RandGaussianNoised

from medseg.errors import UserError
from medseg.training.checkpoint import TrainingCheckpoint

CASES, BATCH = 7, 2
State = dict[str, Any]


def build(path: Path, max_epochs: int, resume: bool = False, cases: int = CASES) -> tuple[SupervisedTrainer, State]:
    """A small training with every source of chance: shuffling, random transforms, dropout."""
    torch.manual_seed(99)
    data = [{"image": torch.randn(1, 6, 6), "label": torch.randn(1, 6, 6)} for _ in range(cases)]
    transform = Compose(
        [
            EnsureTyped(["image", "label"], track_meta=False),
            RandFlipd(["image", "label"], prob=0.5, spatial_axis=0),
            RandGaussianNoised("image", prob=0.7, std=0.5),
        ]
    )
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Dropout(0.3), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 1)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=max_epochs * (CASES // BATCH) + 1)
    objects = {"network": network, "optimizer": optimizer, "lr_scheduler": schedule}
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=max_epochs,
        train_data_loader=DataLoader(
            CacheDataset(data, transform, progress=False), batch_size=BATCH, shuffle=True, drop_last=True
        ),
        network=network,
        optimizer=optimizer,
        loss_function=torch.nn.MSELoss(),
        decollate=False,
        train_handlers=[
            LrScheduleHandler(schedule, print_lr=False, epoch_level=False),
            TrainingCheckpoint(str(path), objects, transform, seed=0, resume=resume),
        ],
    )
    # What the process did before must not matter.
    torch.manual_seed(torch.seed())
    return trainer, objects


def flat(state: Any, name: str = "") -> dict[str, Any]:
    """Every tensor and number of nested dictionaries and lists, by its place in them."""
    if isinstance(state, dict | list):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return {key: value for part, item in items for key, value in flat(item, f"{name}/{part}").items()}
    return {name: state}


def require_equal(first: State, second: State) -> None:
    one, other = flat(first), flat(second)
    assert one.keys() == other.keys()
    different = [
        name
        for name, value in one.items()
        if not (torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name])
    ]
    assert not different


def run(trainer: SupervisedTrainer, stop: int | None = None) -> None:
    if stop is not None:
        trainer.add_event_handler(Events.EPOCH_COMPLETED(once=stop), trainer.terminate)
    trainer.run()


def test_resumed_training_equals_one_in_a_single_go_bit_for_bit(tmp_path: Path) -> None:
    whole, _ = build(tmp_path / "whole.pt", max_epochs=4)
    run(whole)
    first, _ = build(tmp_path / "last.pt", max_epochs=4)
    run(first, stop=2)
    second, _ = build(tmp_path / "last.pt", max_epochs=4, resume=True)
    run(second)
    expected, resumed = (torch.load(tmp_path / name, weights_only=True) for name in ("whole.pt", "last.pt"))
    assert expected["trainer"]["iteration"] == 4 * (CASES // BATCH)
    require_equal(expected, resumed)


def test_epochs_differ_in_what_chance_gives_them(tmp_path: Path) -> None:
    trainer, _ = build(tmp_path / "last.pt", max_epochs=3)
    seen: list[torch.Tensor] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: seen.append(engine.state.output["image"].clone())
    )
    run(trainer)
    per_epoch = CASES // BATCH
    assert not torch.equal(torch.cat(seen[:per_epoch]), torch.cat(seen[per_epoch : 2 * per_epoch]))


def test_training_killed_within_an_epoch_repeats_that_epoch(tmp_path: Path) -> None:
    whole, _ = build(tmp_path / "whole.pt", max_epochs=3)
    run(whole)
    killed, _ = build(tmp_path / "last.pt", max_epochs=3)

    def kill() -> None:
        raise KeyboardInterrupt

    killed.add_event_handler(Events.ITERATION_COMPLETED(once=CASES // BATCH + 2), kill)
    with pytest.raises(KeyboardInterrupt):
        run(killed)
    resumed, _ = build(tmp_path / "last.pt", max_epochs=3, resume=True)
    run(resumed)
    require_equal(*(torch.load(tmp_path / name, weights_only=True) for name in ("whole.pt", "last.pt")))


def test_finished_training_goes_on_when_given_more_epochs(tmp_path: Path) -> None:
    run(build(tmp_path / "last.pt", max_epochs=2)[0])
    longer, objects = build(tmp_path / "last.pt", max_epochs=5, resume=True)
    run(longer)
    assert longer.state.epoch == 5
    assert objects["lr_scheduler"].last_epoch == 5 * (CASES // BATCH)
    # The one-cycle schedule ends near zero at the end of the longer training, not at that of the first.
    assert objects["optimizer"].param_groups[0]["lr"] < 1e-3


def test_finished_training_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    run(build(tmp_path / "last.pt", max_epochs=2)[0])
    with pytest.raises(UserError, match="2 epochs are done already"):
        build(tmp_path / "last.pt", max_epochs=2, resume=True)


def test_checkpoint_is_one_whole_file(tmp_path: Path) -> None:
    run(build(tmp_path / "train" / "last.pt", max_epochs=3)[0])
    assert [path.name for path in (tmp_path / "train").iterdir()] == ["last.pt"]
    state = torch.load(tmp_path / "train" / "last.pt", weights_only=True)
    assert state.keys() == {"network", "optimizer", "lr_scheduler", "trainer", "is_complete"}
    assert state["is_complete"]
    assert state["trainer"]["iteration"] == 3 * (CASES // BATCH)


def test_checkpoint_of_another_number_of_cases_is_refused(tmp_path: Path) -> None:
    run(build(tmp_path / "last.pt", max_epochs=2)[0])
    with pytest.raises(UserError, match="its epochs have 3 iterations, those of this training 5"):
        build(tmp_path / "last.pt", max_epochs=4, resume=True, cases=10)


def test_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match="cannot be resumed from"):
        build(tmp_path / "last.pt", max_epochs=2, resume=True)


def test_checkpoint_of_another_network_says_what_differs(tmp_path: Path) -> None:
    run(build(tmp_path / "last.pt", max_epochs=2)[0])
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    state["network"]["0.weight"] = torch.zeros(8, 1, 3, 3)
    state["network"]["9.weight"] = state["network"].pop("3.weight")
    torch.save(state, tmp_path / "last.pt")
    differences = (
        r"1 tensor is missing \(3.weight\); 1 tensor is unexpected \(9.weight\); "
        r"1 tensor is of another shape \(0.weight: 8x1x3x3 instead of 4x1x3x3\)"
    )
    with pytest.raises(UserError, match=differences):
        build(tmp_path / "last.pt", max_epochs=3, resume=True)
