import os
from pathlib import Path

import pytest
import torch

from medseg.bundle.weights import find_weights, load_weights
from medseg.errors import UserError


def network(width: int = 3) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Linear(width, 1))


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_weights_load_plain_or_wrapped(tmp_path: Path, key: str | None) -> None:
    source, target = network(), network()
    torch.save(source.state_dict() if key is None else {key: source.state_dict()}, tmp_path / "model.pt")
    load_weights(tmp_path / "model.pt", target)
    for mine, theirs in zip(source.parameters(), target.parameters(), strict=True):
        assert torch.equal(mine, theirs)


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_pickled_code_is_refused_and_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"0.weight": Hostile(made)}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="not a file of tensors"):
        load_weights(tmp_path / "model.pt", network())
    assert not made.exists()
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert made.is_dir(), "the pickle is hostile indeed"


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "model.pt")
    content = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="not a file of tensors"):
        load_weights(tmp_path / "model.pt", network())


def drop(state: dict[str, torch.Tensor]) -> object:
    return state.popitem()


def add(state: dict[str, torch.Tensor]) -> object:
    return state.update(more=torch.zeros(1))


@pytest.mark.parametrize("change", [drop, add])
def test_missing_and_surplus_weights_are_refused(tmp_path: Path, change: object) -> None:
    state = dict(network().state_dict())
    change(state)
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(UserError, match="does not hold the weights of this bundle's network"):
        load_weights(tmp_path / "model.pt", network())


@pytest.mark.parametrize("state", [network(4).state_dict(), [1, 2], torch.zeros(2)], ids=["shape", "list", "tensor"])
def test_weights_of_another_network_are_refused(tmp_path: Path, state: object) -> None:
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(UserError, match="does not hold the weights of this bundle's network"):
        load_weights(tmp_path / "model.pt", network())


def test_absent_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"models/model\.pt is absent"):
        find_weights(tmp_path)
