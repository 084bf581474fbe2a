import torch
from torch import Tensor


def inner_products(vectors: Tensor) -> Tensor:
    """All inner products of some vectors with each other, compressed.

    They say everything about the vectors but how they are turned and mirrored, in two dimensions as in three: what a
    network makes of them cannot depend on the orientation of the camera.

    Args:
        vectors: Shape ``(n, k, 3)``.

    Returns:
        Shape ``(n, k * (k + 1) / 2)``: the sign of each product times ``log(1 + 4 |product|)``.
    """
    k = vectors.shape[1]
    # With the numbers of each component side by side: small matrices multiplied one by one take thrice the time.
    aside = vectors.permute(1, 2, 0).contiguous()
    products = torch.cat([(aside[one:] * aside[one]).sum(1) for one in range(k)])
    return torch.copysign(torch.log1p(4 * products.abs()), products).T


class Gaussians:
    """Where a particle is expected: n normal distributions, wider along the way to their mean than across it.

    Args:
        mean: From where the particle is, shape ``(n, 3)``.
        log_variance: Of the variance across the way, and of what is added to it along the way in units of the way's
            square, shape ``(n, 2)``: a particle whose way is not known to be long cannot be expected all along it.
        n_axes: 2 or 3, shape ``(n,)``; in two dimensions the third component of ``mean`` is 0.
    """

    def __init__(self, mean: Tensor, log_variance: Tensor, n_axes: Tensor) -> None:
        self.mean, self.n_axes = mean, n_axes
        square = mean.square().sum(1)
        self.direction = mean * (square + 1e-6).rsqrt()[:, None]
        self.across, relative = log_variance.exp().unbind(1)
        self.added = relative * square

    def distance(self, position: Tensor) -> Tensor:
        """Squared Mahalanobis distance of ``position``, shape ``(n, 3)``, from the mean, shape ``(n,)``."""
        apart = position - self.mean
        length = self.direction.square().sum(1)
        along = (apart * self.direction).sum(1)
        across = apart - (along / length.clamp(min=1e-12))[:, None] * self.direction
        # Two sums of squares rather than a difference, which could fall below 0.
        return across.square().sum(1) / self.across + along.square() / (
            length.clamp(min=1e-12) * (self.across + self.added * length)
        )

    def log_determinant(self) -> Tensor:
        """Logarithm of the covariance's determinant, shape ``(n,)``."""
        length = self.direction.square().sum(1)
        return self.n_axes * self.across.log() + torch.log1p(self.added * length / self.across)

    def covariance(self) -> Tensor:
        """Shape ``(n, 3, 3)``; of two dimensions the upper left part counts."""
        eye = torch.eye(3, dtype=self.mean.dtype, device=self.mean.device)
        outer = self.direction[:, :, None] * self.direction[:, None, :]
        return self.across[:, None, None] * eye + self.added[:, None, None] * outer
