"""What a part of the documents says about all of them, while the rest has not been asked yet.

Does: let each document asked answer for those of about its size that were not. Does not: bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def answering_for(weights: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Weight of each document asked, with that of the others that are nearest in size.

    A large document that was not asked yet may be lost; only documents of about its size can speak
    against that. Those of just its size that were asked share its weight evenly; where there is none,
    it goes to the one asked that is nearest by rank, the larger one where two are as near.

    Args:
        weights: of all documents of the test set, shape (documents,), sum 1.
        asked: whether each was asked, shape (documents,), at least one.
    Returns:
        Weights of the documents asked, in their order; they sum to 1.

    >>> import numpy as np
    >>> answering_for(np.array([0.1, 0.1, 0.3, 0.5]), np.array([True, True, True, False])).tolist()
    [0.1, 0.1, 0.8]
    >>> answering_for(np.full(4, 0.25), np.array([True, True, False, False])).tolist()
    [0.5, 0.5]
    """
    import numpy as np

    sizes = np.round(weights / weights.max(), 9)
    _, size_of = np.unique(sizes, return_inverse=True)
    number_asked = np.bincount(size_of, weights=asked)[size_of]
    shared = np.bincount(size_of, weights=weights)[size_of] / np.maximum(number_asked, 1)
    answered = np.where(asked, shared, 0.0)

    order = np.argsort(weights, kind="stable")
    places = np.flatnonzero(asked[order])
    alone = np.flatnonzero(number_asked[order] == 0)
    right = np.searchsorted(places, alone).clip(max=len(places) - 1)
    left = (right - 1).clip(min=0)
    nearer_left = np.abs(alone - places[left]) < np.abs(places[right] - alone)
    speaker = order[places[np.where(nearer_left, left, right)]]
    np.add.at(answered, speaker, weights[order[alone]])
    return np.asarray(answered[asked])
