from dataclasses import dataclass, fields
from typing import Literal, Self

import torch
from torch import Tensor, nn

from tracking.dpht.vectors import Gaussians, inner_products

# Links of up to this many frames: the particle may be missed in all but the last of them.
MAX_STEP = 8
# The last two displacements, two remembered velocities, and a remembered place.
N_VECTORS = 5


@dataclass(frozen=True, eq=False)
class States:
    """What n recurrent cells know.

    Attributes:
        hidden: State of the network, shape ``(n, s)``.
        vectors: Displacements it remembers, relative to where the particle is now, shape ``(n, N_VECTORS, 3)``.
        age: Spots seen before this one, shape ``(n,)``.
        mean: Expected displacement over 1 to `MAX_STEP` frames, shape ``(n, MAX_STEP, 3)``.
        log_variance: As `Gaussians` takes it, shape ``(n, MAX_STEP, 2)``, the second not above 0.
    """

    hidden: Tensor
    vectors: Tensor
    age: Tensor
    mean: Tensor
    log_variance: Tensor

    def select(self, rows: Tensor) -> Self:
        """Those of some rows."""
        return type(self)(*(getattr(self, one.name).index_select(0, rows) for one in fields(self)))

    def expected(self, row: Tensor, step: Tensor, n_axes: Tensor) -> Gaussians:
        """Where those of some rows are expected after so many frames.

        No gradient goes back from what is made of it: it is to say where particles are and nothing else, which the
        likelihood of their places teaches alone.
        """
        place = row * MAX_STEP + step - 1
        mean, log_variance = self.mean.detach().flatten(0, 1), self.log_variance.detach().flatten(0, 1)
        return Gaussians(mean.index_select(0, place), log_variance.index_select(0, place), n_axes)

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """One after the other."""
        return cls(*(torch.cat([getattr(part, one.name) for part in parts]) for one in fields(cls)))


class TrackCell(nn.Module):
    """A recurrent cell that reads a particle's spots one after the other and says where the next will be.

    It sees displacements through their inner products only, and what it expects is a sum of displacements it has seen,
    weighted by what it knows: turn the movie, and all that it expects turns with it. Hence one set of weights serves
    two dimensions and three.

    Args:
        hidden: Width of the recurrent state.
        n_context: Numbers that describe a spot and its movie, the number of axes less 2 being the first.
        cell: Which recurrence, ``gru`` or ``lstm``.
    """

    def __init__(self, hidden: int, n_context: int, cell: Literal["gru", "lstm"]) -> None:
        super().__init__()
        k = N_VECTORS + 2
        n_inputs = k * (k + 1) // 2 + 2 + MAX_STEP + 1 + n_context
        self.hidden, self.is_lstm = hidden, cell == "lstm"
        self.n_state = 2 * hidden if self.is_lstm else hidden
        self.read = nn.Linear(n_inputs, hidden)
        self.recurrence = nn.LSTMCell(hidden, hidden) if self.is_lstm else nn.GRUCell(hidden, hidden)
        self.begin = nn.Linear(n_context, self.n_state)
        self.nothing_known = nn.Linear(n_context, self.n_state)
        self.gates = nn.Linear(hidden, 3)
        self.expect = nn.Linear(hidden, MAX_STEP * (N_VECTORS + 2))
        with torch.no_grad():
            self.expect.weight.mul_(0.1)
            bias = torch.zeros(MAX_STEP, N_VECTORS + 2)
            # At first: stay where it is, with a variance that grows with time as in diffusion.
            bias[:, N_VECTORS] = torch.log(torch.arange(1, MAX_STEP + 1) * 0.5)
            bias[:, N_VECTORS + 1] = -2.0
            self.expect.bias.copy_(bias.flatten())

    def start(self, context: Tensor) -> States:
        """States of particles of which one spot was seen; ``context`` has a row for each."""
        n = len(context)
        hidden = torch.tanh(self.begin(context))
        vectors = context.new_zeros(n, N_VECTORS, 3)
        return self._expecting(hidden, vectors, context.new_zeros(n))

    def unknown(self, context: Tensor) -> States:
        """States of particles whose other spots are not looked at."""
        hidden = torch.tanh(self.nothing_known(context))
        return self._expecting(hidden, context.new_zeros(len(context), N_VECTORS, 3), context.new_zeros(len(context)))

    def read_spots(self, states: States, displacement: Tensor, step: Tensor, context: Tensor) -> States:
        """States after one more spot each.

        Args:
            states: Before it.
            displacement: From the spot before, shape ``(n, 3)``.
            step: Frames from the spot before, whole numbers from 1 to `MAX_STEP`, shape ``(n,)``.
            context: Of the new spots, shape ``(n, n_context)``.
        """
        row = torch.arange(len(step), device=step.device)
        expected = states.expected(row, step, context[:, 0] + 2)
        velocity = displacement / step[:, None]
        surprise = (displacement - expected.mean)[:, None]
        seen = torch.cat([velocity[:, None], surprise, states.vectors], dim=1)
        inputs = [
            inner_products(seen),
            torch.log1p(expected.distance(displacement))[:, None],
            expected.log_determinant()[:, None],
            nn.functional.one_hot(step - 1, MAX_STEP).to(velocity.dtype),
            torch.log1p(states.age)[:, None],
            context,
        ]
        read = torch.relu(self.read(torch.cat(inputs, dim=1)))
        if self.is_lstm:
            before = states.hidden.chunk(2, dim=1)
            hidden = torch.cat(self.recurrence(read, before), dim=1)
        else:
            hidden = self.recurrence(read, states.hidden)
        keep = torch.sigmoid(self.gates(hidden[:, : self.hidden]))[:, :, None]
        first, velocities, place = states.vectors[:, :1], states.vectors[:, 2:4], states.vectors[:, 4:]
        is_first = (states.age == 0)[:, None, None]
        # A gate of 0 takes the new velocity, as a Kalman gain of 1 would; the first one is taken as it is.
        kept = torch.where(is_first, torch.zeros_like(keep[:, :2]), keep[:, :2])
        velocities = kept * velocities + (1 - kept) * velocity[:, None]
        place = keep[:, 2:] * (place - displacement[:, None])
        vectors = torch.cat([velocity[:, None], first, velocities, place], dim=1)
        return self._expecting(hidden, vectors, states.age + 1)

    def _expecting(self, hidden: Tensor, vectors: Tensor, age: Tensor) -> States:
        said = self.expect(hidden[:, : self.hidden]).view(-1, MAX_STEP, N_VECTORS + 2)
        steps = torch.arange(1, MAX_STEP + 1, device=hidden.device, dtype=hidden.dtype)
        weights = torch.cat([said[..., : N_VECTORS - 1] * steps[:, None], said[..., N_VECTORS - 1 : N_VECTORS]], dim=2)
        variance = torch.stack([said[..., N_VECTORS].clamp(-12, 6), said[..., N_VECTORS + 1].clamp(-12, 0)], dim=2)
        return States(hidden, vectors, age, weights @ vectors, variance)
