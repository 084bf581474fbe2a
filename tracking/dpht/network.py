from typing import Literal

import torch
from torch import Tensor, nn

from tracking.dpht.cell import MAX_STEP, States, TrackCell
from tracking.dpht.context import N_CONTEXT
from tracking.dpht.vectors import inner_products

BLOCK = 2048
# Weights grow with the square of the width.
WIDEST = 1024


class TrackNetwork(nn.Module):
    """Bidirectional recurrent network that weighs the spots a particle may go on to.

    One cell reads the past of a track, another the future of a spot backwards in time. A link is judged by what both
    know and by the displacement between them. All lengths are in units of the movie's displacement scale.

    Args:
        hidden: Width of both recurrent states.
        cell: Which recurrence, ``gru`` or ``lstm``.
    """

    def __init__(self, hidden: int = 64, cell: Literal["gru", "lstm"] = "gru") -> None:
        super().__init__()
        if cell not in ("gru", "lstm"):
            raise ValueError(f"`cell` must be gru or lstm, got {cell}")
        if not 1 <= hidden <= WIDEST:
            raise ValueError(f"`hidden` must be from 1 to {WIDEST}, got {hidden}")
        self.settings = {"hidden": hidden, "cell": cell}
        self.past = TrackCell(hidden, N_CONTEXT, cell)
        self.future = TrackCell(hidden, N_CONTEXT, cell)
        self.judge_both = _Judge(hidden, 2, 5)
        self.judge_future = _Judge(hidden, 1, 3)
        self.is_real = nn.Sequential(nn.Linear(2 * hidden + N_CONTEXT, 32), nn.ReLU(), nn.Linear(32, 1))

    def link_log_odds(
        self, past: States, row: Tensor, future: States, node: Tensor, apart: Tensor, step: Tensor, context: Tensor
    ) -> Tensor:
        """Of m links between tracks and futures: log-odds against neither end having a link, shape ``(m,)``.

        Args:
            past: Of the tracks.
            row: Which of them each link leaves, shape ``(m,)``.
            future: Hypotheses about the future of the spots.
            node: Which of them each link leads to, shape ``(m,)``.
            apart: From the track's last spot to the new one, shape ``(m, 3)``.
            step: Frames between them, shape ``(m,)``.
            context: Of the spots the links lead to, shape ``(m, n_context)``.
        """
        known = self.judge_both.read(past.hidden[:, : self.past.hidden], future.hidden[:, : self.future.hidden])
        onward, before = past.mean[:, 0].detach(), future.mean[:, 0].detach()
        odds = []
        for some in _blocks(len(row)):
            from_, to, away, frames, movie = row[some], node[some], apart[some], step[some], context[some]
            ahead = past.expected(from_, frames, movie[:, 0] + 2)
            back = future.expected(to, frames, movie[:, 0] + 2)
            vectors = [
                away / frames[:, None],
                away - ahead.mean,
                away + back.mean,
                onward.index_select(0, from_),
                -before.index_select(0, to),
            ]
            distances = [ahead.distance(away), back.distance(-away)]
            determinants = [ahead.log_determinant(), back.log_determinant()]
            odds.append(
                self.judge_both(
                    [*zip(known, (from_, to), strict=True)], vectors, distances, determinants, frames, movie
                )
            )
        return torch.cat(odds)

    def future_log_odds(self, future: States, node: Tensor, apart: Tensor, step: Tensor, context: Tensor) -> Tensor:
        """The same of links to futures, of whose earlier end nothing but place and ``context`` are known."""
        (known,) = self.judge_future.read(future.hidden[:, : self.future.hidden])
        before = future.mean[:, 0].detach()
        odds = []
        for some in _blocks(len(node)):
            to, away, frames, movie = node[some], apart[some], step[some], context[some]
            back = future.expected(to, frames, movie[:, 0] + 2)
            vectors = [away / frames[:, None], away + back.mean, -before.index_select(0, to)]
            odds.append(
                self.judge_future(
                    [(known, to)], vectors, [back.distance(-away)], [back.log_determinant()], frames, movie
                )
            )
        return torch.cat(odds)

    def real_log_odds(self, past: States, future_hidden: Tensor, context: Tensor) -> Tensor:
        """Whether n spots are particles rather than false detections, from the track up to them and their future."""
        past_hidden = past.hidden[:, : self.past.hidden]
        odds: Tensor = self.is_real(torch.cat([past_hidden, future_hidden, context], dim=1))[:, 0]
        return odds


def _blocks(n: int) -> list[slice]:
    """So many links at once that what is computed of them stays in the processor's cache."""
    return [slice(start, start + BLOCK) for start in range(0, max(n, 1), BLOCK)]


class _Judge(nn.Module):
    def __init__(self, hidden: int, n_states: int, n_vectors: int) -> None:
        super().__init__()
        n_features = n_vectors * (n_vectors + 1) // 2 + 3 * n_states + MAX_STEP + 2
        self.states = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(n_states)])
        self.geometry = nn.Linear(n_features, hidden)
        self.second = nn.Linear(hidden, 32)
        self.last = nn.Linear(32, 1)
        self.direct = nn.Linear(n_features, 1)

    def read(self, *hidden: Tensor) -> list[Tensor]:
        """What the recurrent states tell, each read once for all links it is part of."""
        return [layer(one) for one, layer in zip(hidden, self.states, strict=True)]

    def forward(
        self,
        known: list[tuple[Tensor, Tensor]],
        vectors: list[Tensor],
        distances: list[Tensor],
        log_determinants: list[Tensor],
        step: Tensor,
        context: Tensor,
    ) -> Tensor:
        distance = torch.stack(distances, dim=1)
        features = torch.cat(
            [
                inner_products(torch.stack(vectors, dim=1)),
                distance.clamp(max=40) / 10,
                torch.log1p(distance),
                torch.stack(log_determinants, dim=1),
                nn.functional.one_hot(step - 1, MAX_STEP).to(distance.dtype),
                context[:, :1],
                context[:, -1:],
            ],
            dim=1,
        )
        total = self.geometry(features)
        for states, row in known:
            total += states.index_select(0, row)
        odds: Tensor = self.last(self.second(total.relu_()).relu_()) + self.direct(features)
        return odds[:, 0]
