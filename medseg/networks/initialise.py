from torch import nn

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


def initialise(network: nn.Module) -> None:
    """Give convolutions weights from He's normal distribution, and biases of 0.

    Source: He et al. 2015, arXiv:1502.01852.
    """
    for module in network.modules():
        if isinstance(module, _CONVOLUTIONS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
