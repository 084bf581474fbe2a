from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

CHANNELS = (1, 3, 4)


class ThreeChannelsd(MapTransform):
    """Gray, RGB and RGBA pictures as three channels: gray is repeated, and what is transparent is taken as it is.

    Networks for microscopy see stained sections in colour and fluorescence in gray.

    Args:
        keys: Images, ``(1 or 3 or 4, H, W)``; become ``(3, H, W)``.
    """

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """The items with their pictures in three channels.

        Raises:
            ValueError: A picture has another number of channels.
        """
        items = dict(data)
        for key in self.key_iterator(items):
            image = items[key]
            if image.shape[0] not in CHANNELS:
                raise ValueError(f"a picture must have 1, 3 or 4 channels (gray, RGB, RGBA), got {image.shape[0]}")
            items[key] = image.expand(3, *image.shape[1:]) if image.shape[0] == 1 else image[:3]
        return items
