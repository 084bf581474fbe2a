import torch
from torch import Tensor

N_BINS = 15


def link_calibration_error(probability: Tensor, is_right: Tensor) -> float:
    """Expected calibration error of link probabilities: 0 where of links of probability p a share p is right.

    Links are put into 15 bins of equal width by their probability; the error is the mean over all links of how far the
    share of right ones in their bin is from their mean probability.

    Args:
        probability: Of every link, shape ``(m,)``.
        is_right: 1 where it is right, else 0, shape ``(m,)``.

    Raises:
        ValueError: The shapes differ, or there is no link.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    if probability.ndim != 1 or probability.shape != is_right.shape or not len(probability):
        raise ValueError(
            f"`probability` and `is_right` must have one shape (m,), got {tuple(probability.shape)} and "
            f"{tuple(is_right.shape)}"
        )
    from monai.metrics import calibration_binning

    mean, share, count = calibration_binning(probability[None, None], is_right[None, None], num_bins=N_BINS)
    return float((torch.nan_to_num(mean - share).abs() * count).sum() / count.sum())
