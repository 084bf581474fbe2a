from monai.networks.layers.utils import get_norm_layer
from torch import nn

from medseg.networks.instance_norm import InstanceNorm

# Normalisation in MONAI's way: a name, or a name and its options.
Norm = str | tuple[str, dict[str, object]]


def norm_layer(norm: Norm, spatial_dims: int, features: int) -> nn.Module:
    """MONAI's layer of that name; of instance normalisation ours, which keeps the weights' names."""
    layer: nn.Module = get_norm_layer(norm, spatial_dims, features)
    if isinstance(layer, (nn.InstanceNorm2d, nn.InstanceNorm3d)) and not layer.track_running_stats:
        return InstanceNorm(features, layer.eps, layer.affine)
    return layer
