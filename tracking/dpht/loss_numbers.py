from dataclasses import fields

import torch

from tracking.dpht.learn import Losses


def loss_numbers(answer: Losses) -> dict[str, float]:
    """Losses by their names as plain numbers, for logs and means."""
    values = {one.name: getattr(answer, one.name) for one in fields(answer)}
    return {name: float(value.detach() if torch.is_tensor(value) else value) for name, value in values.items()}
