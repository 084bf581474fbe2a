from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from medseg.io import Image

_COLOURS = ("#e69f00", "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")  # told apart by colour-blind people too
_PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}


def save_overlay_figure(
    path: Path, crops: "Mapping[str, tuple[Image, npt.NDArray[np.uint8]]]", classes: Mapping[int, str]
) -> None:
    """Three planes through the middle of every label, a row a crop, with the label's outline and tint.

    Images and labels are in RAS orientation; front and top of the head are up, the patient's left is at the left.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9.5, 3.4 * len(crops)), layout="constrained")
    rows = figure.subplots(len(crops), 3, squeeze=False)
    colours = {value: _COLOURS[index % len(_COLOURS)] for index, value in enumerate(classes)}
    for axes_row, (name, (image, label)) in zip(rows, crops.items(), strict=True):
        middle = (
            np.round(np.argwhere(label > 0).mean(axis=0)).astype(int) if label.any() else np.array(label.shape) // 2
        )
        for axes, (plane, axis) in zip(axes_row, _PLANES.items(), strict=True):
            picture = np.take(image.data[0], middle[axis], axis=axis).T
            drawn = np.take(label, middle[axis], axis=axis).T
            across, up = (spacing for other, spacing in enumerate(image.spacing) if other != axis)
            axes.imshow(picture, cmap="gray", origin="lower", aspect=up / across)
            for value, colour in colours.items():
                mask = drawn == value
                tint = np.ma.masked_where(~mask, mask)
                axes.imshow(tint, cmap=ListedColormap([colour]), alpha=0.35, origin="lower", aspect=up / across)
                if mask.any():
                    axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
            axes.set_title(f"{name}, {plane}", fontsize=10)
            axes.set_axis_off()
    patches = [Patch(color=colours[value], label=label_name) for value, label_name in classes.items()]
    figure.suptitle("the patient's left is at the left", fontsize=9)
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    figure.savefig(path, dpi=150)
