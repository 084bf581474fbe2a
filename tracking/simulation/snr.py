import math


def peak_over_background(snr: float, background: float) -> float:
    """Photons that a spot adds to the pixel it is centred on, so that its signal-to-noise ratio is ``snr``.

    With I = background + the result, ``snr = (I - background) / sqrt(I)``: the height of the peak over the standard
    deviation of its Poisson noise, the challenge's definition. Solved for the height a: a^2 - snr^2 a - snr^2 b = 0.

    Source: Chenouard et al. 2014, doi:10.1038/nmeth.2808, after Cheezum et al. 2001, doi:10.1016/S0006-3495(01)75884-5.
    """
    return (snr**2 + snr * math.sqrt(snr**2 + 4 * background)) / 2
