import torch
from torch import Tensor

ROUNDS = 6
# Odds beyond e^30 are certainty.
_MOST = 30.0


def link_marginals(
    rows: Tensor, columns: Tensor, log_odds: Tensor, n_rows: int, n_columns: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Probability of every link, when a row has one link or none and a column has one or none.

    A matching's probability is proportional to the product of its links' odds. Its marginals are found by belief
    propagation, which is exact on trees of up to 12 links from end to end and close to it elsewhere; the probabilities
    of a row's links and of its having none add up to 1 by construction.

    Args:
        rows: Row of every possible link, shape ``(m,)``.
        columns: Column of every link, shape ``(m,)``.
        log_odds: Logarithm of the odds of a link against both of its ends having none, shape ``(m,)``.
        n_rows: How many rows there are.
        n_columns: How many columns there are.

    Returns:
        Logarithms of the probability of every link, ``(m,)``, of each row having none, ``(n_rows,)``, and of each
        column having none, ``(n_columns,)``.

    Source: Williams and Lau 2014, doi:10.1109/TAES.2014.120568.
    """
    # In double precision, as what is left of a row without one of its links would vanish beside that link.
    odds = log_odds.double().clamp(-_MOST, _MOST).exp()
    to_row = torch.ones_like(odds)
    for _ in range(ROUNDS):
        weighted = odds * to_row
        rest = 1 + _sums(weighted, rows, n_rows).index_select(0, rows) - weighted
        to_column = odds / rest.clamp(min=1e-12)
        to_row = 1 / (1 + (_sums(to_column, columns, n_columns).index_select(0, columns) - to_column).clamp(min=0))
    weighted = odds * to_row
    row_total = torch.log1p(_sums(weighted, rows, n_rows))
    column_total = torch.log1p(_sums(to_column, columns, n_columns))
    found = weighted.clamp(min=1e-30).log() - row_total.index_select(0, rows), -row_total, -column_total
    return found[0].to(log_odds.dtype), found[1].to(log_odds.dtype), found[2].to(log_odds.dtype)


def _sums(values: Tensor, group: Tensor, n_groups: int) -> Tensor:
    return torch.zeros(n_groups, dtype=values.dtype, device=values.device).index_add(0, group, values)


def log_sum_exp(values: Tensor, group: Tensor, n_groups: int) -> Tensor:
    """Logarithm of the sum of the exponentials of every group's values, shape ``(n_groups,)``."""
    highest = torch.full((n_groups,), -1e30, dtype=values.dtype, device=values.device)
    highest = highest.scatter_reduce(0, group, values.detach(), "amax")
    return _sums((values - highest.index_select(0, group)).exp(), group, n_groups).clamp(min=1e-30).log() + highest
