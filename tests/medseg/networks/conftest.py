from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from medseg.networks.deeplabv3plus import DeepLabV3Plus
from medseg.networks.fcn import FCN8s
from medseg.networks.focusnet import FocusNet
from medseg.networks.segnet import SegNet

# Small ones, without what is random in training.
SMALL: dict[str, Callable[..., nn.Module]] = {
    "focusnet": lambda *args, **options: FocusNet(*args, width=0.1, stem_size=3, dropout=0.0, **options),
    "focusnet-series": lambda *args, **options: FocusNet(*args, width=0.1, head="series", dropout=0.0, **options),
    "deeplabv3plus": lambda *args, **options: DeepLabV3Plus(
        *args, width=0.1, blocks=(1, 1, 1, 1), output_stride=8, stem_stride=2, rates=(1, 2, 3), dropout=0.0, **options
    ),
    "deeplabv3plus-learned": lambda *args, **options: DeepLabV3Plus(
        *args, width=0.1, blocks=(1, 1, 1, 1), upsampling="learned", dropout=0.0, **options
    ),
    "fcn": lambda *args, **options: FCN8s(*args, width=0.1, fc_width=16, fc_size=3, dropout=0.0, **options),
    "segnet": lambda *args, **options: SegNet(*args, width=0.1, **options),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=SMALL)
def build(request) -> Callable[..., nn.Module]:
    return SMALL[request.param]
