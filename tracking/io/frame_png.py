import struct
from pathlib import Path

import numpy as np

from tracking.errors import TrackingError

_GREY, _RGB, _PALETTE = 0, 2, 3
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 3, 4: 2, 6: 4}


def png_header(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    """Shape ``(Y, X)`` or ``(Y, X, S)`` and type of a PNG, by its first bytes.

    A picture with a palette counts as colour.

    Raises:
        TrackingError: It holds what cannot be tracked: yes-or-no pixels, or colours of 16 bits.
        ValueError: It is no PNG, or damaged.
    """
    with path.open("rb") as stream:
        start = stream.read(26)
    if len(start) < 26 or start[:8] != b"\x89PNG\r\n\x1a\n" or start[12:16] != b"IHDR":
        raise ValueError("it is not a PNG file, or its header is damaged")
    width, height, depth, kind = struct.unpack(">IIBB", start[16:])
    if kind not in _SAMPLES or not width or not height:
        raise ValueError("its header is damaged")
    if kind == _GREY and depth == 1:
        raise TrackingError(f"`{path.name}` must hold brightness, but its pixels are only black or white (1 bit)")
    if kind != _GREY and depth == 16:
        raise TrackingError(f"`{path.name}` holds colours of 16 bits, which cannot be read: save it as grey or as TIFF")
    samples = _SAMPLES[kind]
    return (height, width) if samples == 1 else (height, width, samples), np.dtype(f"u{max(depth, 8) // 8}")


def read_png(path: Path) -> np.ndarray:
    """Pixels of a PNG, of the shape and type `png_header` tells.

    Raises:
        TrackingError: as `png_header`.
        Exception: it is damaged; Pillow has many kinds.
    """
    from PIL import Image

    shape, dtype = png_header(path)
    with Image.open(path, formats=("PNG",)) as image:
        if image.mode == "P":
            return np.asarray(image.convert("RGB"))
        # Older releases of Pillow widen 16 bits to 32.
        return np.asarray(image).astype(dtype, copy=False).reshape(shape)
