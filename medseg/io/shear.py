import numpy as np


def is_sheared(affine: np.ndarray) -> bool:
    """Whether the axes of ``affine`` (square, n + 1) are not perpendicular, as after a tilted gantry."""
    matrix = affine[:-1, :-1]
    directions = matrix / np.linalg.norm(matrix, axis=0)
    return bool(np.abs(directions.T @ directions - np.eye(len(matrix))).max() > 1e-3)
