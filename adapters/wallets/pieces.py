"""Runs of letters in a buffer, column-wise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spans(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(begins, ends) of the runs of True, in order: int64, one of each for each run."""
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside.size and inside[0]:
        edges = np.concatenate([np.zeros(1, np.int64), edges])
    if edges.size & 1:
        edges = np.concatenate([edges, np.array([inside.size], np.int64)])
    return edges[::2], edges[1::2]
