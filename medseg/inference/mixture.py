import torch

from medseg.inference.entropy import Channels, normalised_entropy


class Mixture:
    """The mean of several predictions of one image, and how far they disagree; none of them is kept.

    Args:
        channels: What the channels are; None where no uncertainty is wanted, and nothing but the mean is to be had.
    """

    def __init__(self, channels: Channels | None = None) -> None:
        self.count = 0
        self._channels = channels
        self._sum: torch.Tensor | None = None
        self._entropies: torch.Tensor | None = None

    def add(self, probabilities: torch.Tensor) -> None:
        """Take one more prediction into the mean, shape ``(C, ...)``."""
        self.count += 1
        self._sum = probabilities if self._sum is None else self._sum + probabilities
        if self._channels is not None:
            entropy = normalised_entropy(probabilities, self._channels)
            self._entropies = entropy if self._entropies is None else self._entropies + entropy

    @property
    def mean(self) -> torch.Tensor:
        """Mean probabilities, shape ``(C, ...)``.

        Raises:
            ValueError: nothing was added.
        """
        if self._sum is None:
            raise ValueError("a mean needs one prediction at least, got none")
        return self._sum if self.count == 1 else self._sum / self.count

    def entropy(self) -> torch.Tensor:
        """Predictive entropy: that of the mean, 0 to 1, shape ``(...)``.

        Raises:
            ValueError: nothing was added, or what the channels are was not said.
        """
        if self._channels is None:
            raise ValueError("`channels` must be given for an entropy")
        return normalised_entropy(self.mean, self._channels)

    def mutual_information(self) -> torch.Tensor:
        """Entropy of the mean less the mean of the entropies, 0 to 1, shape ``(...)``.

        It is 0 where all predictions are alike, however unsure they are, and grows with their disagreement (BALD,
        Houlsby et al. 2011, arXiv:1112.5745, equation 2; over members of an ensemble Lakshminarayanan et al. 2017).

        Raises:
            ValueError: nothing was added, or what the channels are was not said.
        """
        entropy = self.entropy()
        if self._entropies is None or self.count == 1:
            return torch.zeros_like(entropy)
        # The entropy is concave, so that only rounding can bring the difference below 0.
        return (entropy - self._entropies / self.count).clamp(min=0)
