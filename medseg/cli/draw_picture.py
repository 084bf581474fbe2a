from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from medseg.cli.case_picture import CasePicture

REFERENCE_COLOUR, BUNDLE_COLOUR = "#e69f00", "#56b4e9"  # told apart by colour-blind people, and seen on grey
REFERENCE_WIDTH, BUNDLE_WIDTH = 2.6, 1.1  # the wider one is below and is seen at both sides
_FEW_PIXELS = 100  # of a picture in which lines may have their full width


def draw_picture(axes: "Axes", picture: "CasePicture", bundle: str) -> None:
    """A slice with the outlines of the reference and of what a bundle says, along the edges of pixels."""
    from matplotlib.collections import LineCollection

    axes.imshow(picture.image, cmap="gray", vmin=0, vmax=1, aspect=picture.aspect)
    thinner = min(1.0, max(0.5, _FEW_PIXELS / max(picture.reference.shape)))
    for label, colour, width in (
        (picture.reference, REFERENCE_COLOUR, REFERENCE_WIDTH),
        (picture.labels[bundle], BUNDLE_COLOUR, BUNDLE_WIDTH),
    ):
        axes.add_collection(
            LineCollection(list(outlines(label)), colors=colour, linewidths=thinner * width, capstyle="round")
        )
    axes.set(xticks=[], yticks=[])


def outlines(label: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The edges of pixels between different labels, and between a label and the border of the picture.

    Args:
        label: Shape ``(H, W)``; 0 is background.

    Returns:
        Segments ``(n, 2, 2)``: of each two ends, x and y, in the coordinates of the pixels, whose centres are whole.
    """
    framed = np.pad(label, 1)
    y, x = np.nonzero(framed[:, 1:] != framed[:, :-1])  # a vertical edge at the right of framed pixel (y, x)
    upright = np.stack([np.stack([x - 0.5, y - 1.5], -1), np.stack([x - 0.5, y - 0.5], -1)], 1)
    y, x = np.nonzero(framed[1:] != framed[:-1])
    level = np.stack([np.stack([x - 1.5, y - 0.5], -1), np.stack([x - 0.5, y - 0.5], -1)], 1)
    segments: npt.NDArray[Any] = np.concatenate([upright, level])
    return segments
