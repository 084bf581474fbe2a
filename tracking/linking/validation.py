import numpy as np


def require_spots(frames: np.ndarray, positions: np.ndarray, z_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames as int64 and positions in pixels along every axis.

    Raises:
        ValueError: Shapes do not fit, frames are not ascending whole numbers, or a position is not finite.
    """
    frames, positions = np.asarray(frames), np.asarray(positions, np.float64)
    if frames.ndim != 1 or positions.ndim != 2 or len(frames) != len(positions) or positions.shape[1] not in (2, 3):
        raise ValueError(
            "`frames` must have the shape (n,) and `positions` (n, 2) or (n, 3), "
            f"got {frames.shape} and {positions.shape}"
        )
    if frames.size and frames.dtype.kind not in "iu":
        raise ValueError(f"`frames` must be whole numbers, got {frames.dtype}")
    frames = frames.astype(np.int64, copy=False)
    if (frames[1:] < frames[:-1]).any():
        raise ValueError("`frames` must be ascending")
    if not np.isfinite(positions).all():
        raise ValueError(f"`positions` must be finite, but {int((~np.isfinite(positions)).any(axis=1).sum())} are not")
    if z_scale != 1 and positions.shape[1] == 3:
        positions = positions * np.array([z_scale, 1, 1])
    return frames, positions
